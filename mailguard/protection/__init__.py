"""What is switched on: the controls and the mode each is wanted in."""
