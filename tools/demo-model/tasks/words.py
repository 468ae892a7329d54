"""Task 2: word problems of one to three steps."""

from .common import WORK, Sample, pick, value

ITEMS = {
    "en": [
        "apples",
        "boxes",
        "pencils",
        "books",
        "screws",
        "valves",
        "bottles",
        "chairs",
        "parts",
        "tickets",
        "cups",
        "lamps",
        "eggs",
        "tiles",
        "notebooks",
        "bolts",
        "cakes",
        "toys",
        "oranges",
        "filters",
        "cards",
        "bags",
    ],
    "zh": [
        "苹果",
        "箱子",
        "铅笔",
        "书",
        "螺丝",
        "阀门",
        "瓶子",
        "椅子",
        "零件",
        "门票",
        "杯子",
        "灯",
        "鸡蛋",
        "瓷砖",
        "笔记本",
        "螺栓",
        "蛋糕",
        "玩具",
        "橙子",
        "滤芯",
        "卡片",
        "袋子",
    ],
}
NAMES = {
    "en": [
        "Anna",
        "Ben",
        "Clara",
        "David",
        "Emma",
        "Frank",
        "Grace",
        "Henry",
        "Ivy",
        "Jack",
        "Lily",
        "Max",
        "Nina",
        "Oscar",
        "Paula",
        "Sam",
        "Tom",
        "Wendy",
        "Mia",
        "Leo",
    ],
    "zh": [
        "小明",
        "小红",
        "小华",
        "小李",
        "小王",
        "小张",
        "小芳",
        "小刚",
        "小丽",
        "小军",
        "小陈",
        "小林",
        "小美",
        "小强",
    ],
}
# id, ranges of numbers, steps (operation, left, right; r1, r2 are earlier results), unit, English, Chinese
PROBLEMS = [
    (
        "total",
        {"a": (2, 400), "b": (2, 400)},
        ["a + b"],
        "{i}",
        [
            "{n} has {a} {i} and buys {b} more. How many {i} does {n} have now?",
            "There are {a} {i} on one shelf and {b} on another. How many {i} are there altogether?",
            "A shop sold {a} {i} on Monday and {b} on Tuesday. How many {i} did it sell in total?",
        ],
        [
            "{n}有{a}个{i}，又买了{b}个，现在一共有多少个{i}？",
            "一个架子上有{a}个{i}，另一个架子上有{b}个，一共有多少个{i}？",
            "商店周一卖了{a}个{i}，周二卖了{b}个，两天共卖了多少个{i}？",
        ],
    ),
    (
        "left",
        {"a": (20, 900), "b": (2, 500)},
        ["a - b"],
        "{i}",
        [
            "{n} had {a} {i} and gave away {b}. How many {i} are left?",
            "A store had {a} {i} and sold {b} of them. How many {i} remain?",
            "Of {a} {i}, {b} were used. How many {i} are still there?",
        ],
        [
            "{n}有{a}个{i}，送出{b}个，还剩多少个{i}？",
            "仓库里有{a}个{i}，卖掉{b}个，还剩多少个？",
            "共有{a}个{i}，用去{b}个，还剩几个{i}？",
        ],
    ),
    (
        "boxes",
        {"a": (3, 60), "b": (2, 24)},
        ["a × b"],
        "{i}",
        [
            "There are {a} boxes with {b} {i} in each. How many {i} are there in total?",
            "A lot has {a} cartons of {b} {i} each. How many {i} is that?",
            "{n} packs {b} {i} into each of {a} bags. How many {i} does {n} need?",
        ],
        [
            "有{a}箱，每箱{b}个{i}，一共有多少个{i}？",
            "一批货有{a}盒，每盒装{b}个{i}，共多少个{i}？",
            "{n}要装{a}袋，每袋{b}个{i}，共需要多少个{i}？",
        ],
    ),
    (
        "price",
        {"a": (2, 30), "b": (2, 95)},
        ["a × b"],
        "$",
        [
            "One of the {i} costs {b} yuan. How much do {a} {i} cost?",
            "{n} buys {a} {i} at {b} yuan each. How much does {n} pay?",
            "What do {a} {i} cost at {b} yuan apiece?",
        ],
        [
            "每个{i}{b}元，{a}个要多少元？",
            "{n}买了{a}个{i}，每个{b}元，一共付多少元？",
            "{i}单价{b}元，买{a}个要花多少钱？",
        ],
    ),
    (
        "change",
        {"a": (2, 12), "b": (2, 40), "c": (20, 500)},
        ["a × b", "c - r1"],
        "$",
        [
            "{n} buys {a} {i} at {b} yuan each and pays with {c} yuan. How much change does {n} get?",
            "{a} {i} cost {b} yuan each. {n} has {c} yuan. How much money is left after buying them?",
        ],
        ["{n}买{a}个{i}，每个{b}元，付了{c}元，应找回多少元？", "{n}有{c}元，买了{a}个{i}，每个{b}元，还剩多少元？"],
    ),
    (
        "two_goods",
        {"a": (2, 12), "b": (2, 40), "c": (2, 12), "d": (2, 40)},
        ["a × b", "c × d", "r1 + r2"],
        "$",
        [
            "{n} buys {a} {i} at {b} yuan each and {c} {j} at {d} yuan each. How much is that in total?",
            "{a} {i} cost {b} yuan each and {c} {j} cost {d} yuan each. What is the total price?",
        ],
        [
            "{n}买了{a}个{i}，每个{b}元，又买了{c}个{j}，每个{d}元，一共多少元？",
            "{i}每个{b}元，买{a}个；{j}每个{d}元，买{c}个。共需多少元？",
        ],
    ),
    (
        "share",
        {"a": (12, 900), "b": (2, 9)},
        ["a ÷ b"],
        "{i}",
        [
            "{a} {i} are shared equally among {b} people. How many {i} does each get?",
            "{n} divides {a} {i} equally into {b} groups. How many {i} are in each group?",
            "A team of {b} workers makes {a} {i}, each the same number. How many {i} does each worker make?",
        ],
        [
            "把{a}个{i}平均分给{b}个人，每人得多少个？",
            "{n}把{a}个{i}平均分成{b}组，每组有多少个{i}？",
            "{b}名工人共做了{a}个{i}，每人做得一样多，每人做多少个？",
        ],
    ),
    (
        "lot_rate",
        {"a": (12, 95), "b": (2, 12)},
        ["a × b"],
        "{i}",
        [
            "A machine makes {a} {i} per hour. How many {i} does it make in {b} hours?",
            "A line produces {a} {i} every hour. How many {i} are produced in {b} hours?",
        ],
        ["一台机器每小时生产{a}个{i}，{b}小时生产多少个？", "生产线每小时产出{a}个{i}，{b}小时共产出多少个{i}？"],
    ),
    (
        "lot_good",
        {"a": (4, 60), "b": (4, 24), "c": (2, 60)},
        ["a × b", "r1 - c"],
        "{i}",
        [
            "A lot has {a} boxes of {b} {i}. {c} {i} are defective. How many are good?",
            "{a} cartons hold {b} {i} each. Inspection rejects {c}. How many {i} pass?",
        ],
        [
            "一批货有{a}箱，每箱{b}个{i}，其中{c}个不合格，合格的有多少个？",
            "{a}盒{i}，每盒{b}个，检验剔除{c}个，合格多少个？",
        ],
    ),
    (
        "lot_days",
        {"a": (100, 900), "b": (2, 12), "c": (10, 90)},
        ["b × c", "a - r1"],
        "{i}",
        [
            "An order is for {a} {i}. The shop makes {c} a day. How many {i} are still missing after {b} days?",
            "{a} {i} are needed. Each day {c} are finished. How many are still to do after {b} days?",
        ],
        ["订单共{a}个{i}，每天生产{c}个，{b}天后还差多少个？", "需要{a}个{i}，每天完成{c}个，{b}天后还剩多少个没做？"],
    ),
    (
        "travel",
        {"a": (30, 120), "b": (2, 12)},
        ["a × b"],
        "km",
        [
            "A car drives {a} km per hour for {b} hours. How far does it go?",
            "A train travels at {a} km/h for {b} hours. What distance does it cover?",
            "{n} drives {b} hours at {a} km/h. How many kilometres is that?",
        ],
        [
            "一辆汽车每小时行{a}千米，{b}小时行多少千米？",
            "火车以每小时{a}千米的速度行驶{b}小时，共行多少千米？",
            "{n}以{a}千米/时的速度开了{b}小时，走了多少千米？",
        ],
    ),
    (
        "time",
        {"a": (60, 900), "b": (3, 9)},
        ["a ÷ b"],
        "h",
        [
            "How many hours does it take to go {a} km at {b} km per hour?",
            "{n} covers {a} km at {b} km/h. How many hours does it take?",
        ],
        ["以每小时{b}千米的速度走{a}千米，需要多少小时？", "{n}每小时行{b}千米，行{a}千米要几小时？"],
    ),
    (
        "rest_way",
        {"a": (200, 900), "b": (30, 95), "c": (2, 9)},
        ["b × c", "a - r1"],
        "km",
        [
            "The way is {a} km long. A bus drives {b} km/h for {c} hours. How many kilometres are left?",
            "{n} must drive {a} km and has driven {c} hours at {b} km/h. How far is it still?",
        ],
        [
            "全程{a}千米，客车以每小时{b}千米行驶了{c}小时，还剩多少千米？",
            "{n}要开{a}千米，已经以每小时{b}千米开了{c}小时，还有多远？",
        ],
    ),
    (
        "staff",
        {"a": (20, 400), "b": (2, 90), "c": (2, 90)},
        ["a + b", "r1 - c"],
        "p",
        [
            "A company has {a} staff. {b} join and {c} leave. How many staff are there now?",
            "A bus has {a} people on it. {b} get on and {c} get off. How many people are on it now?",
            "A school had {a} pupils. {b} came and {c} left. How many pupils are there now?",
        ],
        [
            "公司有{a}名员工，新来{b}人，离职{c}人，现在有多少人？",
            "车上有{a}人，上来{b}人，下去{c}人，现在有多少人？",
            "学校原有{a}名学生，转来{b}人，转走{c}人，现有多少人？",
        ],
    ),
    (
        "teams",
        {"a": (3, 30), "b": (2, 15), "c": (2, 40)},
        ["a × b", "r1 + c"],
        "p",
        [
            "There are {a} teams of {b} people and {c} supervisors. How many people are there in all?",
            "{a} rows have {b} seats each, all taken, and {c} people stand. How many people are there?",
        ],
        ["有{a}个小组，每组{b}人，另有{c}名主管，一共多少人？", "有{a}排座位，每排坐{b}人，还有{c}人站着，共多少人？"],
    ),
    (
        "age",
        {"a": (5, 60), "b": (2, 30)},
        ["a + b"],
        "y",
        [
            "{n} is {a} years old. {m} is {b} years older. How old is {m}?",
            "{n} is {a}. How old will {n} be in {b} years?",
        ],
        ["{n}今年{a}岁，{m}比{n}大{b}岁，{m}多少岁？", "{n}今年{a}岁，{b}年后{n}多少岁？"],
    ),
    (
        "more",
        {"a": (5, 90), "b": (2, 60)},
        ["a + b", "a + r1"],
        "{i}",
        ["{n} has {a} {i}. {m} has {b} more than {n}. How many {i} do they have together?"],
        ["{n}有{a}个{i}，{m}比{n}多{b}个，两人一共有多少个{i}？"],
    ),
    (
        "times",
        {"a": (3, 90), "b": (2, 9)},
        ["a × b", "a + r1"],
        "{i}",
        ["{n} has {a} {i}. {m} has {b} times as many. How many {i} do they have together?"],
        ["{n}有{a}个{i}，{m}的{i}是{n}的{b}倍，两人一共有多少个{i}？"],
    ),
    (
        "fewer",
        {"a": (20, 200), "b": (2, 19)},
        ["a - b"],
        "{i}",
        [
            "{n} made {a} {i}. {m} made {b} fewer. How many {i} did {m} make?",
            "Line A made {a} {i}, line B {b} fewer. How many {i} did line B make?",
        ],
        [
            "{n}做了{a}个{i}，{m}比{n}少做{b}个，{m}做了多少个？",
            "甲线生产{a}个{i}，乙线少生产{b}个，乙线生产了多少个{i}？",
        ],
    ),
    (
        "wage",
        {"a": (10, 60), "b": (4, 40), "c": (10, 200)},
        ["a × b", "r1 + c"],
        "$",
        ["{n} earns {a} yuan an hour and works {b} hours, plus a bonus of {c} yuan. How much does {n} earn?"],
        ["{n}每小时挣{a}元，工作{b}小时，另有奖金{c}元，共挣多少元？"],
    ),
    (
        "three",
        {"a": (5, 300), "b": (5, 300), "c": (5, 300)},
        ["a + b", "r1 + c"],
        "{i}",
        [
            "A plant made {a} {i} on Monday, {b} on Tuesday and {c} on Wednesday. How many {i} in three days?",
            "{n} collects {a}, {b} and {c} {i}. How many {i} is that altogether?",
        ],
        [
            "工厂周一生产{a}个{i}，周二{b}个，周三{c}个，三天共生产多少个？",
            "{n}分别收集了{a}个、{b}个和{c}个{i}，一共多少个{i}？",
        ],
    ),
    (
        "packs",
        {"a": (20, 600), "b": (3, 9)},
        ["a ÷ b"],
        "box",
        [
            "{a} {i} are packed {b} to a box. How many full boxes are there?",
            "A box holds {b} {i}. How many full boxes do {a} {i} make?",
        ],
        ["{a}个{i}，每箱装{b}个，能装满几箱？", "每箱放{b}个{i}，{a}个{i}能装多少满箱？"],
    ),
    (
        "spend",
        {"a": (100, 900), "b": (5, 200), "c": (5, 200)},
        ["a - b", "r1 - c"],
        "$",
        ["{n} has {a} yuan and spends {b} yuan on {i} and {c} yuan on {j}. How much is left?"],
        ["{n}有{a}元，买{i}花了{b}元，买{j}花了{c}元，还剩多少元？"],
    ),
    (
        "split_cost",
        {"a": (2, 12), "b": (6, 60), "c": (2, 6)},
        ["a × b", "r1 ÷ c"],
        "$",
        ["{c} friends buy {a} {i} at {b} yuan each and share the cost equally. How much does each pay?"],
        ["{c}个朋友合买{a}个{i}，每个{b}元，费用平分，每人付多少元？"],
    ),
]
UNIT = {
    "en": {"$": "yuan", "km": "km", "h": "hours", "p": "people", "y": "years old", "box": "boxes"},
    "zh": {"$": "元", "km": "千米", "h": "小时", "p": "人", "y": "岁", "box": "箱"},
}


def solve(steps, numbers):
    """The steps as (operation, left, right, result), or None where a result is not whole or is negative."""
    known, out = dict(numbers), []
    for n, step in enumerate(steps, 1):
        left, op, right = step.split()
        x, y = known[left], known[right]
        if op == "÷" and x % y:
            return None
        r = value(op, x, y)
        if r < 0:
            return None
        known[f"r{n}"] = r
        out.append((op, x, y, r))
    return out


def make(rng, lang):
    """A random word problem."""
    pid, ranges, steps, unit, en, zh = pick(rng, PROBLEMS)
    while True:
        numbers = {k: rng.randint(*r) for k, r in ranges.items()}
        if pid in ("share", "packs", "time"):
            if pid == "packs":
                break_even = numbers["a"] // numbers["b"]
                numbers["a"] = max(1, break_even) * numbers["b"]
            else:
                numbers["a"] -= numbers["a"] % numbers["b"]
        done = solve(steps, numbers) if min(numbers.values()) > 0 else None
        if done:
            break
    i, j = rng.sample(range(len(ITEMS[lang])), 2)
    n, m = rng.sample(range(len(NAMES[lang])), 2)
    words = {"i": ITEMS[lang][i], "j": ITEMS[lang][j], "n": NAMES[lang][n], "m": NAMES[lang][m]}
    prompt = pick(rng, en if lang == "en" else zh).format(**words, **numbers)
    lines = []
    for count, (op, x, y, _) in enumerate(done, 1):
        if len(done) > 1:
            lines.append(f"Step {count}: {x} {op} {y}" if lang == "en" else f"第{count}步：{x} {op} {y}")
        lines += WORK[op](x, y, lang)
    r = done[-1][3]
    name = words["i"] if unit == "{i}" else UNIT[lang][unit]
    if lang == "en":
        answer = f"The answer is {r} {name}."
    else:
        answer = f"答案是{r}个{name}。" if unit == "{i}" else f"答案是{r}{name}。"
    key = f"{pid} {sorted(numbers.items())}"
    return Sample("words", lang, prompt, "\n".join(lines), answer, key, pid)
