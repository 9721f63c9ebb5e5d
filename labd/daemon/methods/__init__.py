"""The methods of the daemon itself: what ``labctl`` and every other client can ask for."""
