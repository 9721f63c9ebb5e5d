"""The Tasks of Descartes Labs, as their SDK speaks with them over HTTP, on the maps of labd."""
