"""ExampleGens: convert raw files (GLUE, IMDb, Yelp, RACE, SQuAD, corpora) into raw Examples."""
