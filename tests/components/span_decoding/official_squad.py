"""SQuAD's scores written out from their definitions, question by question; for comparison only."""

import collections
import re
import string


def normalize(text):
    kept = "".join(" " if c.isspace() else c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def exact_score(answer, prediction):
    return float(normalize(answer) == normalize(prediction))


def f1_score(answer, prediction):
    gold, found = normalize(answer).split(), normalize(prediction).split()
    if not gold or not found:
        return float(gold == found)
    same = sum((collections.Counter(gold) & collections.Counter(found)).values())
    return 2.0 * same / (len(gold) + len(found))


def raw_scores(data, predictions, score):
    """Score of each question by id, and whether it has an answer."""
    scores, has_answer = {}, {}
    for article in data:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                texts = [a["text"] for a in qa["answers"] if normalize(a["text"])] or [""]
                scores[qa["id"]] = max(score(text, predictions[qa["id"]]) for text in texts)
                has_answer[qa["id"]] = bool(qa["answers"])
    return scores, has_answer


def best_by_brute_force(scores, has_answer, null_odds):
    """Best percentage over all thresholds, by trying each anew; predictions are never empty."""
    import numpy as np

    ids = list(scores)
    odds = np.array([null_odds[i] for i in ids])
    score = np.array([scores[i] for i in ids])
    if_left = np.array([0.0 if has_answer[i] else 1.0 for i in ids])
    best = (100 * if_left.mean(), 0.0)
    for threshold in sorted(set(null_odds.values())):
        value = 100 * np.where(odds <= threshold, score, if_left).mean()
        if value > best[0] + 1e-12:
            best = (value, threshold)
    return best
