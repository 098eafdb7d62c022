"""Cost, accuracy, effort and jurisdictional risk of open-weight models on one bench."""
