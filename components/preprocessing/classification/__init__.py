"""Makes classification, regression and multiple-choice records with tensorflow-transform."""
