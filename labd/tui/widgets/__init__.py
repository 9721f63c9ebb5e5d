"""The few widgets that everything is drawn with."""
