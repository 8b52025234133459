"""A model file made anew, so that a version loads it as it is."""
