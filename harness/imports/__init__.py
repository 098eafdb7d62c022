"""Other people's measurements as records of ours, marked by where they came from."""
