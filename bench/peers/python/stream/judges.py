"""How readings are judged: by whole batches, or one by one. A pipeline needs only its own packages."""


def named(name):
    match name:
        case "python-vectorised-isotree":
            from vectorised import Judge, isotree_forest

            return Judge("isotree", isotree_forest)
        case "python-vectorised-sklearn":
            from vectorised import Judge, sklearn_forest

            return Judge("scikit-learn", sklearn_forest)
        case "python-naive":
            from naive import Judge

            return Judge()
        case "python-river":
            from river_trees import Judge

            return Judge()
    raise ValueError(f"no pipeline {name!r}")
