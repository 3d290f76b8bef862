"""Names of firms and people, put together at random. Every firm's name ends in 样例 (specimen): no register holds such a name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = np.array(list("云海山青金玉春华东明盛恒安泰长宏兴德瑞嘉诚信远博新天永立正润"))
_SECOND = np.array(list("帆川峰禾源达丰隆通和顺康林泽成宇祥辉畅丽茂昌凯航越腾洋锦程光"))
_SURNAMES = np.array(list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"))
_GIVEN = np.array([*"伟芳敏静强磊军洋勇艳杰娟涛明超", "秀英", "建国", "志强", "晓东", "文静"])


def firm_names(cities: NDArray[np.str_], words: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.str_]:
    """City + two random characters + the industry's word + legal form + the mark that it is made up."""
    count = len(cities)
    brand = np.strings.add(rng.choice(_FIRST, count), rng.choice(_SECOND, count))
    return np.strings.add(np.strings.add(np.strings.add(cities, brand), words), "有限公司（样例）")


def people(count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Surname and given name."""
    return np.strings.add(rng.choice(_SURNAMES, count), rng.choice(_GIVEN, count))
