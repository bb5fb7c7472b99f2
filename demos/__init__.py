"""The main job (`python -m demos`) and the lessons, each a script to read and to run."""
