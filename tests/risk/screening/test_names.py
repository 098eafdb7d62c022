"""harness.risk.screening.names: what two spellings of a company's name have in common."""

import pytest

from harness.risk.screening.names import core, distinctive, key, normalise, spellings


@pytest.mark.parametrize(
    ("printed", "without_form"),
    [
        ("Alibaba Group Holding Limited", "alibaba group holding"),
        ("Autel Intelligent Technology Corp., Ltd.", "autel intelligent technology"),
        ("Beijing Zhipu Huazhang Technology Co.,Ltd", "beijing zhipu huazhang technology"),
        ("China Aerospace Science and Industry Corporation Limited", "china aerospace science and"
         " industry"),
        ("Merit Automotive Electronics Systems S.L.U", "merit automotive electronics systems"),
        ("MOONSHOT AI PTE. LTD.", "moonshot ai"),
        ("Mistral AI S.A.S.", "mistral ai"),
        ("AO Kaspersky Lab", "kaspersky lab"),
        ("Knowledge Atlas Technology Joint Stock Company Limited", "knowledge atlas technology"),
        ("北京智谱华章科技股份有限公司", "北京智谱华章科技"),
        ("北京面壁智能科技有限责任公司", "北京面壁智能科技"),
        ("Huawei Jishu Youxian Gongsi", "huawei jishu"),
        ("Zhipu Huazhang Keji Gufen Youxian Gongsi", "zhipu huazhang keji"),
    ],
)  # fmt: skip
def test_legal_forms_fall_away_in_english_chinese_and_pinyin(
    printed: str, without_form: str
) -> None:
    assert core(printed) == without_form


def test_group_and_place_stay_since_they_tell_companies_apart() -> None:
    assert key("BGI Group") != key("BGI")
    assert key("SMIC (Beijing) Corporation") != key("SMIC (Shanghai) Corporation")
    assert key("阿里巴巴集团控股有限公司") != key("阿里巴巴")


def test_a_name_of_nothing_but_forms_is_kept() -> None:
    assert core("Limited Company") == "limited company"
    assert core("有限公司") == "有限公司"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ｂａｉｄｕ，　Ｉｎｃ．", "baidu inc"),
        ("Xi’an Aircraft", "Xi'an aircraft"),
        ("Science & Technology", "science and technology"),
        ("Hermès", "HERMES"),
        ("TP-LINK", "TP Link"),
        ("華為技術有限公司", "华为技术有限公司"),
        ("J.D. Power", "JD Power"),
    ],
)
def test_script_width_case_marks_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("Deep Seek", "DeepSeek"), ("01.AI", "01 ai")])
def test_spaces_do_not_count_in_the_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("printed", "parts"),
    [
        ("Baidu, Inc. (Baidu)", ("Baidu, Inc.", "Baidu")),
        ("Hesai Group (also known as Hesai Technology Co., Ltd.)",
         ("Hesai Group", "Hesai Technology Co., Ltd.")),
        ("AVIC Chengdu (formerly Zhonghang Limited (ZEMIC))",
         ("AVIC Chengdu", "Zhonghang Limited (ZEMIC)", "Zhonghang Limited", "ZEMIC")),
        ("SMIC (Beijing) Corporation (SMIC Beijing)", ("SMIC (Beijing) Corporation",
         "SMIC Beijing")),
        ("Changhe Industries (Group)", ()),
        ("China Construction (USA)", ()),
        ("Unbalanced) Name)", ()),
        ("(Whole)", ()),
        ("华为（Huawei）", ("华为", "Huawei")),
    ],
)  # fmt: skip
def test_a_closing_parenthesis_holds_another_name_unless_it_is_a_place_or_a_form(
    printed: str, parts: tuple[str, ...]
) -> None:
    assert spellings(printed) == (printed, *parts)


def test_only_words_that_tell_who_it_is_are_distinctive() -> None:
    assert distinctive(core("Beijing Zhipu Huazhang Technology Co., Ltd.")) == ("zhipu", "huazhang")
    assert distinctive(core("北京智谱华章科技股份有限公司")) == ("智谱华章",)
    assert distinctive(core("Beijing Academy of Artificial Intelligence")) == ()
