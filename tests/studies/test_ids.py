"""Ids that are numbers: they are as the tuple of them would be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery_gym.studies.ids import Numbers, Places, joined

ends = st.integers(-15, 15)


@given(st.integers(1, 12), st.integers(0, 12), ends, ends)
def test_numbers_are_the_tuple_of_them(first, count, low, high):
    numbers = Numbers(range(first, first + count))
    texts = tuple(map(str, range(first, first + count)))
    assert numbers == texts
    assert [numbers[i] for i in range(-count, count)] == [texts[i] for i in range(-count, count)]
    assert numbers[low:high] == texts[low:high]
    assert numbers != (*texts, "x")
    assert joined(numbers, numbers) == texts + texts
    more = joined(numbers, Numbers(range(first + count, first + count + 2)))
    assert isinstance(more, Numbers)
    assert more == (*texts, str(first + count), str(first + count + 1))


@given(st.one_of(st.text("0123456789+-_. ٣", max_size=3), st.none(), st.floats()))
def test_places_are_the_dictionary_of_them(text):
    numbers = Numbers(range(1, 31))
    known = {name: i for i, name in enumerate(numbers)}
    assert dict(Places(numbers)) == known
    assert Places(numbers).get(text) == known.get(text)
    assert (text in numbers) == (text in known)


def test_a_text_of_many_digits_is_none_of_them():
    with pytest.raises(KeyError):
        Places(Numbers(range(1, 3)))["1" * 5000]
