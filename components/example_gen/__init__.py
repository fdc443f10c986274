"""Raw files (GLUE, IMDb, Yelp, SQuAD, corpora) to raw Examples."""
