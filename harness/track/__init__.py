"""Records and reports -> W&B. W&B is a copy: what counts lies on disk before this starts.

One run per cell (`cell_run`), one per sweep (`sweep_run`). Everything is built from files, so
`harness track SWEEP_DIR` gives the same at any later time.
"""
