"""Company names made comparable: script, case, punctuation and legal forms out of the way.

The forms are listed here because the libraries do not serve: cleanco knows no Chinese form and
takes one suffix a call, rigour needs ICU compiled. A place ("Beijing ...") stays in a name: it is
often all that tells two companies apart.
"""

import re
import unicodedata
from functools import cache

from opencc import OpenCC

# A single token each; initials written with dots or spaces arrive joined ("S. A. S." -> "sas").
_FORM_WORDS = (
    "ab ag as asa bhd bv bvba co coltd company corp corporation cv eurl gmbh inc incorporated"
    " incorporation jsc kg kgaa kk limited llc llp lp ltd ltda nv ojsc oy oyj pjsc plc pte pty pvt"
    " sa sarl sas sasu sdn se sl slu spa srl"
)
_FORMS = frozenset(_FORM_WORDS.split())
_FORM_PHRASES = {
    "gongsi": (
        ("gufen", "youxian", "gongsi"),
        ("youxian", "zeren", "gongsi"),
        ("youxian", "gongsi"),
    ),
    "liability": (("limited", "liability"),),
    "stock": (("joint", "stock"),),
}
_LEADING_FORMS = frozenset(("ao", "ooo", "oao", "pao", "zao", "pt"))
_CHINESE_FORM = re.compile(r"(?:股份)?(?:有限)?(?:责任)?公司$")

# Words that say where or what, not who. They never make two names alike in a proposal.
_PLACES = (
    "america americas anhui asia beijing chengdu china chinese chongqing dalian dongguan europe"
    " fujian global guangdong guangzhou guizhou hangzhou harbin hebei hefei heilongjiang henan hong"
    " hubei hunan international jiangsu jiangxi jinan kong korea nanjing national ningbo north"
    " northern pacific qingdao shaanxi shandong shanghai shanxi shenyang shenzhen sichuan singapore"
    " south southern suzhou tianjin usa us wuhan wuxi xiamen xi an xian yunnan zhejiang zhengzhou"
    " zhuhai"
)
_TRADES = (
    "academy ai and applied artificial asset automation big capital center centre cloud"
    " communication communications computer computing consulting data design development digital"
    " electric electronic electronics energy engine engineering enterprise enterprises equipment"
    " financial for fund gongsi group holding holdings industrial industries industry information"
    " innovation institute instruments intelligence intelligent internet investment investments"
    " jishu jituan keji lab laboratory labs machinery management manufacturing materials media"
    " network networks of organization partnership platform platforms products research robotics"
    " science sciences security semiconductor service services smart software solutions space"
    " system systems tech technical technological technologies technology telecom the trading"
    " university wangluo xinxi yanjiuyuan zhineng"
)
GENERIC = frozenset(_PLACES.split()) | frozenset(_TRADES.split())
_NO_NAME = frozenset(_PLACES.split()) | _FORMS | {"group", "holding", "holdings"}
_CHINESE_GENERIC = re.compile(
    "北京市?|上海市?|深圳市?|杭州市?|广州市?|天津市?|重庆市?|成都市?|武汉市?|南京市?|苏州市?|合肥市?|西安市?"
    "|浙江省?|江苏省?|广东省?|四川省?|中国|香港|国际|人工智能|智能|基础|科技|技术|网络|信息|数据|软件|云计算"
    "|计算机|电子|通信|研究院|研究所|研究|实验室|集团|控股|投资|发展|实业|服务|股份|大学"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_NOT_WORD = re.compile(r"[\W_]+")
_INITIALS = re.compile(r"\b(?:[a-z] ){1,}[a-z]\b")
_INTRODUCTION = re.compile(
    r"^(?:formerly known as|formerly|also known as|a\.?k\.?a\.?|f\.?k\.?a\.?|f/k/a|a/k/a|dba)\s+",
    re.IGNORECASE,
)


def normalise(name: str) -> str:
    """Words in simplified script and lower case, single spaces, no marks or punctuation."""
    text = name
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        if _HAN.search(text):
            text = _simplified(text)
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in parts if not unicodedata.combining(c)).replace("’", "'")
    text = text.casefold().replace("'", "").replace("&", " and ").replace("+", " plus ")
    text = _NOT_WORD.sub(" ", text).strip()
    return _INITIALS.sub(lambda found: found[0].replace(" ", ""), text)


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def _simplified(text: str) -> str:
    return str(_converter().convert(text))


def core(name: str) -> str:
    """The normalised name without its legal form; the whole name if nothing else is left."""
    return without_form(normalise(name))


def without_form(whole: str) -> str:
    """The core of a name that is normalised already."""
    words = whole.split()
    while words:
        length = 1 if words[-1] in _FORMS else 0
        for phrase in _FORM_PHRASES.get(words[-1], ()):
            if not length and tuple(words[-len(phrase) :]) == phrase:
                length = len(phrase)
        if not length:
            break
        del words[-length:]
    if len(words) > 1 and words[0] in _LEADING_FORMS:
        words.pop(0)
    if words and not words[-1].isascii():
        words[-1] = _CHINESE_FORM.sub("", words[-1])
    return " ".join(filter(None, words)) or whole


def key(name: str) -> str:
    """What two spellings of one name share: the core without spaces ("Deep Seek", "DeepSeek")."""
    return core(name).replace(" ", "")


def spellings(printed: str) -> tuple[str, ...]:
    """A printed name as it stands, and the names in it: "Baidu, Inc. (Baidu)" is also both parts.

    Only closing parentheses count, and not those with a place or a form: "(Beijing)", "(Group)".
    """
    if not printed.rstrip().endswith((")", "）")):
        return (printed,)
    text = unicodedata.normalize("NFKC", printed).rstrip()
    depth, start = 0, len(text)
    for start in range(len(text) - 1, -1, -1):
        depth += (text[start] == ")") - (text[start] == "(")
        if depth == 0:
            break
    head, inside = text[:start].strip(), _INTRODUCTION.sub("", text[start + 1 : -1].strip())
    if depth or not head or not _names_someone(inside):
        return (printed,)
    return (printed, head, *spellings(inside))


def _names_someone(text: str) -> bool:
    words = normalise(text).split()
    return len("".join(words)) > 1 and not _NO_NAME.issuperset(words)


def distinctive(core_name: str) -> tuple[str, ...]:
    """The words of a core that tell who it is; empty for a name made of places and trades."""
    words = core_name.split()
    if not core_name.isascii():
        words = [_CHINESE_GENERIC.sub("", word) for word in words]
    return tuple(word for word in words if word and word not in GENERIC)


def is_chinese(text: str) -> bool:
    """Whether it holds Han characters."""
    return not text.isascii() and _HAN.search(text) is not None
