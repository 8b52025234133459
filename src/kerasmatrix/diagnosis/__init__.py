"""Why a cell is not `pass`: a catalogue of causes, and the signatures by which they are known."""
