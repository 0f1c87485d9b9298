from count import words


def test_endings_mean_nothing():
    assert words("He counts. Counting; counted! Tea.") == [("counts", 3), ("he", 1), ("tea", 1)]
