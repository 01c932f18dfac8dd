import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.intrinsics import Created, Scope, StackError, references

BAKERY = Scope(
    values={"AWS::Region": "us-east-1", "Stage": "live", "Flours": ["rye", "spelt"], "Loaves": "12"},
    mappings={"Ovens": {"live": {"Heat": 250, "Fans": ["left", "right"]}, "test": {"Heat": 20}}},
    conditions={
        "Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]},
        "NotLive": {"Fn::Not": [{"Condition": "Live"}]},
        "Busy": {"Fn::And": [{"Condition": "Live"}, {"Fn::Equals": [{"Ref": "Loaves"}, 12]}]},
        "Chicken": {"Fn::Not": [{"Condition": "Egg"}]},
        "Egg": {"Fn::Not": [{"Condition": "Chicken"}]},
    },
    resources={
        "Oven": Created("oven-1", {"Arn": "arn:aws:bakery:::oven-1", "Door.Side": "left"}),
        "Mill": Created("unsupported-Mill", stand_in=True),
    },
)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        pytest.param({"Ref": "Stage"}, "live", id="a parameter"),
        pytest.param({"Ref": "Flours"}, ["rye", "spelt"], id="a list parameter"),
        pytest.param({"Ref": "AWS::Region"}, "us-east-1", id="a pseudo parameter"),
        pytest.param({"Ref": "Oven"}, "oven-1", id="a resource"),
        pytest.param({"Fn::GetAtt": ["Oven", "Arn"]}, "arn:aws:bakery:::oven-1", id="an attribute"),
        pytest.param({"Fn::GetAtt": "Oven.Door.Side"}, "left", id="a dotted attribute"),
        pytest.param({"Fn::GetAtt": ["Mill", "Arn"]}, "arn:aws:unsupported:::Mill/Arn", id="of a stand-in"),
        pytest.param({"Fn::Sub": "${Stage}-${Oven.Arn}"}, "live-arn:aws:bakery:::oven-1", id="sub"),
        pytest.param({"Fn::Sub": "${!Stage} ${Loaves}"}, "${Stage} 12", id="sub with a literal"),
        pytest.param(
            {"Fn::Sub": ["${A} ${Stage}", {"A": {"Ref": "Oven"}}]}, "oven-1 live", id="sub with own"
        ),
        pytest.param({"Fn::Join": ["+", {"Ref": "Flours"}]}, "rye+spelt", id="join a list parameter"),
        pytest.param({"Fn::Join": ["", ["a", {"Ref": "Stage"}, 1]]}, "alive1", id="join parts"),
        pytest.param({"Fn::Select": ["1", {"Ref": "Flours"}]}, "spelt", id="select"),
        pytest.param({"Fn::Split": ["/", "a/b"]}, ["a", "b"], id="split"),
        pytest.param({"Fn::FindInMap": ["Ovens", {"Ref": "Stage"}, "Heat"]}, 250, id="find in map"),
        pytest.param({"Fn::Base64": "loaf"}, "bG9hZg==", id="base64"),
        pytest.param({"Fn::If": ["Live", "yes", {"Ref": "Nobody"}]}, "yes", id="if, lazily"),
        pytest.param({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}, id="no value in an object"),
        pytest.param([{"Ref": "AWS::NoValue"}, 1], [1], id="no value in a list"),
        pytest.param({"Fn::If": ["NotLive", 1, {"Fn::If": ["Busy", 2, 3]}]}, 2, id="nested ifs"),
        pytest.param({"Fn::Or": [{"Condition": "NotLive"}, {"Condition": "Live"}]}, True, id="or"),
        pytest.param({"Fn::Contains": [{"Ref": "Flours"}, "rye"]}, True, id="contains"),
        pytest.param({"Fn::EachMemberIn": [{"Ref": "Flours"}, ["rye"]]}, False, id="each member in"),
        pytest.param({"Fn::EachMemberEquals": [["a", "a"], "a"]}, True, id="each member equals"),
        pytest.param(
            {"Effect": "Deny", "Condition": {"Bool": {"x": "true"}}},
            {"Effect": "Deny", "Condition": {"Bool": {"x": "true"}}},
            id="a policy's condition is no function",
        ),
    ],
)
def test_a_function_gives_its_value(value: object, result: object) -> None:
    assert BAKERY.resolve(value) == result


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nobody"}, "Nobody is neither a parameter nor a resource of this stack"),
        ({"Fn::GetAtt": ["Oven", "Colour"]}, "Oven has no attribute Colour"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "Nobody is not a resource of this stack"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue is not supported"),
        ({"Fn::If": ["Nobody", 1, 2]}, "not a condition: 'Nobody'"),
        ({"Fn::If": ["Chicken", 1, 2]}, "condition Chicken depends on itself"),
        ({"Fn::Sub": "${Flours}"}, "not a string: ['rye', 'spelt']"),
        (
            {"Fn::Select": [7, ["a"]]},
            "Fn::Select cannot be evaluated with [7, ['a']]: list index out of range",
        ),
        ({"Fn::FindInMap": ["Ovens", "none", "Heat"]}, "Fn::FindInMap cannot be evaluated with"),
    ],
)
def test_what_cannot_be_evaluated_is_named(value: object, message: str) -> None:
    with pytest.raises(StackError) as error:
        BAKERY.resolve(value)

    assert str(error.value).startswith(message)


def test_references_are_found_wherever_they_stand() -> None:
    value = {
        "a": [{"Ref": "One"}, {"Fn::GetAtt": "Two.Arn"}],
        "b": {"Fn::Sub": ["${Three.Name} ${Own} ${!Literal}", {"Own": {"Ref": "Four"}}]},
        "c": {"Fn::If": ["Live", {"Fn::GetAtt": ["Five", "Arn"]}, {"Fn::Sub": "${Six}"}]},
    }

    assert set(references(value)) == {"One", "Two", "Three", "Four", "Five", "Six"}


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abc"), inner),
)


@given(plain_values)
def test_a_value_without_functions_stays_as_it_is(value: object) -> None:
    assert BAKERY.resolve(value) == value
    assert list(references(value)) == []


@given(st.text(alphabet="ab/", min_size=1))
def test_splitting_and_joining_gives_the_text_back(text: str) -> None:
    assert BAKERY.resolve({"Fn::Join": ["/", {"Fn::Split": ["/", text]}]}) == text
