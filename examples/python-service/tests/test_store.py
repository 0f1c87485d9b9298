from app.store import Store


def test_average_of_the_newest():
    store = Store(keep=2)
    for value in (100, 1, 3):
        store.add("t1", value)
    assert store.average("t1") == 2


def test_an_unknown_sensor_has_no_average():
    assert Store().average("t9") is None
