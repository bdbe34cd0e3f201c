#!/usr/bin/env python3
"""An independent checker of Dreichor's stores: standard library only, and no code of the program.

Written from docs/FORMAT.md, it checks every line of the log (canonical encoding, grammar, its id and all derived ids),
every snapshot against ledger and Merkle root at its size, and that the log extends a checkpoint. It does not execute
the ticks again, which `dreichor verify` does. After the first line at fault, each line is checked by itself.
Exit codes: 0 all holds, 21 something does not, 2 wrong usage, 10 a store cannot be read.
"""
import argparse, base64, contextlib, functools, hashlib, io, json, os, re, stat, sys, uuid

LINE_BYTES_MAX, TEXT_BYTES_MAX, NUMBER_MAX = 65_535, 4_096, 2**53 - 1
POOLS = {"cautious@v1": (10, 10), "balanced@v1": (5, 5), "assertive@v1": (2, 2)}  # hold time and cooldown
CATEGORIES, BLOCKS = ("DECISION_QUALITY", "RISK_COMFORT", "SYSTEM_BEHAVIOR"), ("BLOCK_BUY", "HALT")
PAIRS = {"ALLOW": [None], "BLOCK_BUY": ["BUY_BLOCKED", "POSITION_ALREADY_OPEN"], "FORCE_SELL": ["FORCE_SELL_ACTIVE"],
         "HALT": ["HALT_ALL_ACTIVE"]}  # results of safety and their reasons
DECISION, INTENT, SKIP, SAFETY, ATTEMPT, OUTCOME, LEDGER, FEEDBACK = TYPES = (
    "DECISION_EVALUATED", "ORDER_INTENT_CREATED", "ORDER_INTENT_SKIPPED", "SAFETY_EVALUATED", "EXECUTION_ATTEMPTED",
    "EXECUTION_OUTCOME_RECORDED", "LEDGER_UPDATED", "USER_FEEDBACK_RECORDED")
canonical_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

class Fault(Exception): pass  # a broken rule: its name, what was expected and found, and the offset in the line
def check(holds, rule, expected, found, offset=0):
    if not holds: raise Fault(rule, str(expected), str(found), offset)
def agree(rule, found, **expected):
    for member, value in expected.items(): check(found[member] == value, rule, f"{member} {value}", found[member])

def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()
def in_order(entries): return map(entries.get, sorted(entries))
def digest(entries):
    """The digest of a part of the state: its entries in canonical JSON, one a line."""
    text = hashlib.sha256()
    for entry in entries: text.update(canonical_json(entry).encode() + b"\n")
    return text.hexdigest()

def content_id(leaf):
    """The first 16 bytes of a leaf hash as a UUID of version 8."""
    number = int.from_bytes(leaf[:16], "big") & ~(0xF << 76 | 0b11 << 62)
    return str(uuid.UUID(int=number | 8 << 76 | 0b10 << 62))

def check_identity(event, member, identity, *names, tail="}"):
    """Checks an id that is the content id of other members."""
    content = canonical_json({"identity": identity, "version": 1, **{name: event[name] for name in names}})[:-1] + tail
    rule = identity.lower().replace("_", "-") + "-id"
    agree(rule, event, **{member: content_id(sha256(b"\0", content.encode()))})

# ---- Lines. A shape becomes steps: the rule that a step keeps, the member, and the pattern that must come.
MARKET, NUMBER = r'"[\w.:/-]{1,64}"', "(?:0|[1-9][0-9]{0,15})(?![-+.0-9eE])"
FORMS = {  # A form is rules with their patterns; the group is the value.
    "{": r"canonical \{", "}": r"canonical \}", "open": r"canonical : canonical \{", "end": r"canonical \Z",
    "id": 'value ("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")',
    "uuid": 'value ("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")', "auditRootHash": 'value ("[0-9a-f]{64}")',
    "logicalTime": f"value ({NUMBER})", "auditTreeSize": f"value (?!0)({NUMBER})", "key": f"value ({MARKET})",
    "version": f"value (?={NUMBER}) version (1)(?![0-9])", "plane": 'plane (?!"LIVE") value ("PAPER")',
    "decisionClass": r'value (?="[^"]{1,128}")("(?:[\w-]+\.){2}[\w-]+@v[1-9][0-9]*")',
    "decimal": r'value (?="[^"]{1,64}")("-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")',
    "boolean": "value (true|false)", "market": f"value ({MARKET})", "market?": f"value (null|{MARKET})",
    "comment": r'canonical (null|"(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]))*")'}
SHAPES = {  # Members in their order, each with its form or words. Else it has the form of its name, an id or a boolean.
    "event": f"{{ id:uuid type={'|'.join(TYPES)} version logicalTime",
    DECISION: "decisionId strategyInstanceId:uuid decisionClass reasonCodes[]=UNKNOWN|ATTENTION_SUPERIOR|"
              "ATTENTION_INSUFFICIENT|STABILITY_INSUFFICIENT|HOLD_TIME_ACTIVE|COOLDOWN_ACTIVE|SAFETY_TRIGGERED|"
              "PREFLIGHT_BLOCKED attention:{ attentionMeaningfullyHigher stabilityMeetsMinimum confidenceSufficient "
              f"differencePersistsOverTime switchingCostsJustified }} parameterPoolId={'|'.join(POOLS)} "
              "targetMarketId:market? safetyGates:{ haltAll blockBuy forceSell }",
    INTENT: "decisionId orderIntentId origin=STRATEGY|SAFETY side=BUY|SELL marketId:market allocation:decimal",
    SKIP: "decisionId reason=ATTENTION_NEGATIVE|HOLD_TIME_ACTIVE|COOLDOWN_ACTIVE|SAFETY_BLOCKED|MISSING_TARGET_MARKET",
    SAFETY: f"decisionId result={'|'.join(PAIRS)} "
            "reason?=HALT_ALL_ACTIVE|BUY_BLOCKED|FORCE_SELL_ACTIVE|POSITION_ALREADY_OPEN",
    ATTEMPT: "decisionId orderIntentId executionId plane",
    OUTCOME: "decisionId orderIntentId executionId plane status=FILLED|PARTIALLY_FILLED|FAILED side=BUY|SELL "
             "marketId:market filledQuantity:decimal reason?=EXECUTION_NOT_AVAILABLE|EXECUTION_REJECTED",
    LEDGER: "decisionId executionId plane marketId:market",
    FEEDBACK: f"feedbackId category={'|'.join(CATEGORIES)}", "DECISION": "target{=DECISION decisionId } comment",
    "EXECUTION": "target{=EXECUTION decisionId executionId } comment",
    "TIME_WINDOW": "target{=TIME_WINDOW from:logicalTime to:logicalTime } comment",
    "snapshot": "{ snapshotId:uuid type=SHADOW_LEDGER_SNAPSHOT version logicalTime plane auditTreeSize auditRootHash "
                "positions:{", "snapshot's end": "} } end",
    "position": "open marketId:market quantity:decimal isOpen lastExecutionId }", "market": "key", "end": "} end"}
WORDS = {  # The forms of words, by what precedes the `=`.
    "": 'value ("(?:%s)")', "?": 'value (null|"(?:%s)")', "{": r'value \{"type":("%s")',
    "[]": r'canonical \[ value (?![A-Z_",]*("[A-Z_]+")[A-Z_",]*\1)(?:(?=\])|"(?:%s)"(?:,"(?:%s)")*(?!,)) canonical \]'}

@functools.lru_cache(maxsize=None)
def steps(shape):
    found, opening = [], ","
    for part in SHAPES[shape].split():
        name, form, sign, words = re.fullmatch(r"([\w']+|[{}])(?::(.+))?(?:([?{[\]]*)=(.+))?", part).groups()
        if part not in ("{", "}", "key", "open", "end"):
            # If the object ends here, a member is missing; anything else than a comma is another encoding.
            found += [("canonical", name, "(?=[,}])" if opening else ""), ("members", name, f'{opening}"{name}":')]
        form = FORMS.get(form or name) or FORMS["id" if name.endswith("Id") else "boolean"]
        form = WORDS[sign].replace("%s", words) if words else form
        rules = form.replace("value", name).split() if name == "type" else form.split()
        found += zip(rules[::2], [name] * len(rules), rules[1::2])
        opening = "" if form.endswith(r"\{") else ","
    return [(rule, name, re.compile(pattern.encode())) for rule, name, pattern in found]

def read(line, at, shape):
    """Reads a shape at an offset of a line. Returns the values of its members, and the offset after it."""
    found = {}
    for rule, member, pattern in steps(shape):
        match = pattern.match(line, at)
        if not match: raise Fault(rule, f"{member} {pattern.pattern}", str(line[at:at + 40]), at)
        if match.lastindex:
            try: found[member] = content = json.loads(match[1].decode())
            except UnicodeDecodeError: raise Fault("json", f"{member} in UTF-8", str(match[1]), at) from None
            is_fit = content <= NUMBER_MAX if type(content) is int else len(str(content).encode()) <= TEXT_BYTES_MAX
            check(is_fit, "value", f"{member} of at most {NUMBER_MAX}, or {TEXT_BYTES_MAX} bytes", content, at)
        at = match.end()
    return found, at

def read_event(line):
    """The event of a line, and its leaf hash."""
    check(len(line) <= LINE_BYTES_MAX, "line-length", f"at most {LINE_BYTES_MAX} bytes", len(line), LINE_BYTES_MAX)
    event, at = read(line, 0, "event")
    body, at = read(line, at, event["type"])
    event.update(body)
    if event["type"] == FEEDBACK:
        kind = re.compile(rb',"target":{"type":"(EXECUTION|TIME_WINDOW)"').match(line, at)
        target, at = read(line, at, kind[1].decode() if kind else "DECISION")
        event.update(target, content=line[line.index(b'"category"'):].decode())
    if event["type"] == SAFETY:
        check(event["reason"] in PAIRS[event["result"]], "safety-pair", PAIRS[event["result"]], event["reason"], at)
    if event["type"] == OUTCOME:
        failed, reason = event["status"] == "FAILED", event["reason"]
        check(failed == bool(reason) and not (failed and event["filledQuantity"] != "0"), "outcome-reason",
              "a reason and the quantity 0 if FAILED, else no reason", reason, at)
    read(line, at, "end")
    leaf = sha256(b"\0{", line[45:])
    check(event["id"] == content_id(leaf), "event-id", content_id(leaf), event["id"], 7)
    return event, leaf

def read_snapshot(line, length_max):
    """A snapshot, with the digest of its positions."""
    check(len(line) <= length_max, "snapshot-ahead", f"at most {length_max} bytes, as the log is", len(line))
    snapshot, at = read(line, 0, "snapshot")
    positions, last = [], ""
    while positions or line[at:at + 1] != b"}":
        start, (market, at) = at, read(line, at, "market")
        check(market["key"] > last, "snapshot-order", f"a market after {last}", market["key"], start)
        start, last, (position, at) = at, market["key"], read(line, at, "position")
        check(position["marketId"] == last, "snapshot-order", last, position["marketId"], start)
        positions.append(position)
        if line[at:at + 1] != b",": break
        at += 1
    read(line, at, "snapshot's end")
    agree("snapshot-id", snapshot, snapshotId=content_id(sha256(b"\0{", line[53:])))
    return {**snapshot, "positions": digest(positions)}

# ---- The log: its grammar, its tree, and the state that its events add up to
RESULT, STATUS, EXECUTION, CATEGORY = 3, 4, 5, 6  # the places in an entry of Decision Memory
class History:
    """The events so far. A method that is named for a type applies an event of it, and returns what may follow."""
    def __init__(self):
        self.size, self.subtrees, self.time, self.tick, self.open, self.holder = 0, [], 0, None, None, None
        self.decisions, self.feedback, self.ledger, self.lifecycles = {}, set(), {}, {}
    def apply(self, event, leaf):
        kind, time, tick, following = event["type"], event["logicalTime"], self.tick, [DECISION, FEEDBACK]
        if tick:
            check(kind not in following, "tick-cut-short", tick["next"], kind)
            agree("tick-decision", event, decisionId=tick["decisionId"])
            agree("tick-time", event, logicalTime=self.time)
            following = tick["next"]
        check(time >= self.time, "time-order", f"logicalTime {self.time} or more", time)
        is_sale = (following, kind, event.get("origin")) in (([INTENT], ATTEMPT, None), ([ATTEMPT], INTENT, "SAFETY"))
        check(kind in following, "forced-sale" if is_sale else "tick-order", following, kind)
        if kind in (ATTEMPT, OUTCOME, LEDGER):
            shared = [member for member in ("orderIntentId", "executionId", "side", "marketId") if member in event]
            agree("tick-agreement", event, **{member: tick[member] for member in shared if member in tick})
        following = [SAFETY] if kind == SKIP else getattr(self, kind.lower())(event, tick)
        self.tick, self.time = following and {**(tick or {}), **event, "next": following}, time
        self.size += 1
        for _ in range((self.size & -self.size).bit_length() - 1): leaf = sha256(b"\1", self.subtrees.pop(), leaf)
        self.subtrees.append(leaf)  # the roots of the complete subtrees of RFC 6962, the largest first
    def root(self):
        root = self.subtrees[-1] if self.subtrees else sha256()
        for left in self.subtrees[-2::-1]: root = sha256(b"\1", left, root)
        return root.hex()
    def decision_evaluated(self, event, _):
        decision, instance, time = event["decisionId"], sys.intern(event["strategyInstanceId"]), event["logicalTime"]
        check_identity(event, "decisionId", "DECISION", "strategyInstanceId", "logicalTime")
        lifecycle = self.lifecycles.setdefault(instance, {
            "strategyInstanceId": instance, "state": "READY", "marketId": None, "quantity": None, "until": None})
        last = lifecycle.get("lastLogicalTime", -1)
        check(time > last, "instance-time-order", f"logicalTime more than {last}", time)
        check(decision not in self.decisions, "decision-once", "a new decisionId", decision)
        lifecycle["lastLogicalTime"] = time
        self.decisions[decision] = [instance, sys.intern(event["decisionClass"]), time, None, None, None, 0, 0, 0]
        return [INTENT, SKIP]
    def is_sale(self, order, quantity):  # of exactly the open position
        found = order.get("side"), order.get("marketId"), order.get(quantity)
        return bool(self.open) and found == ("SELL", self.open, self.ledger[self.open]["quantity"])
    def order_intent_created(self, event, tick):
        origin = "STRATEGY" if SKIP in tick["next"] else "SAFETY"
        agree("intent-origin", event, origin=origin)
        check(origin == "STRATEGY" or self.is_sale(event, "allocation"), "forced-sale", self.open, event)
        check_identity(event, "orderIntentId", "ORDER_INTENT", "decisionId", "origin", "side", "marketId")
        return [SAFETY] if origin == "STRATEGY" else [ATTEMPT]
    def safety_evaluated(self, event, tick):
        result = self.decisions[event["decisionId"]][RESULT] = sys.intern(event["result"])
        if result != "FORCE_SELL": return [ATTEMPT] if result == "ALLOW" and "allocation" in tick else None
        check(self.open, "forced-sale", "an open position", "none")
        return [ATTEMPT] if self.is_sale(tick, "allocation") else [INTENT]
    def execution_attempted(self, event, _):
        check_identity(event, "executionId", "EXECUTION", "orderIntentId", "plane")
        self.decisions[event["decisionId"]][EXECUTION] = event["executionId"]
        return [OUTCOME]
    def execution_outcome_recorded(self, event, tick):
        self.decisions[event["decisionId"]][STATUS] = status = sys.intern(event["status"])
        if status != "FILLED": return None
        agree("filled-quantity", event, filledQuantity=tick["allocation"])
        check(event["side"] == "SELL" or not self.open, "one-position", f"no BUY beside {self.open}", "BUY")
        check(event["side"] == "BUY" or self.is_sale(event, "filledQuantity"), "open-position", self.open, event)
        return [LEDGER]
    def ledger_updated(self, event, tick):
        market, quantity, buys = event["marketId"], tick["filledQuantity"], tick["side"] == "BUY"
        hold, cooldown = (event["logicalTime"] + span for span in POOLS[tick["parameterPoolId"]])
        self.ledger[market] = {"marketId": market, "quantity": quantity if buys else "0", "isOpen": buys,
                               "lastExecutionId": event["executionId"]}
        self.open, self.holder = market if buys else None, tick["strategyInstanceId"] if buys else self.holder
        self.lifecycles[self.holder].update(
            {"state": "HOLDING", "marketId": market, "quantity": quantity, "until": hold} if buys
            else {"state": "COOLDOWN", "marketId": None, "quantity": None, "until": cooldown})
    def user_feedback_recorded(self, event, _):
        feedback, decision = event["feedbackId"], self.decisions.get(event.get("decisionId"))
        is_window = event["target"] == "TIME_WINDOW"
        holds = not is_window or event["from"] <= event["to"] <= event["logicalTime"]
        check(holds, "feedback-window", "from <= to <= logicalTime", event)
        holds = is_window or decision and event.get("executionId") in (None, decision[EXECUTION])
        check(holds, "feedback-target", "a decision, or its execution, that precedes", event)
        check(feedback not in self.feedback, "feedback-once", "a new feedbackId", feedback)
        check_identity(event, "feedbackId", "FEEDBACK", "logicalTime", tail="," + event["content"])
        self.feedback.add(feedback)
        if decision: decision[CATEGORY + CATEGORIES.index(event["category"])] += 1
    def check_snapshot(self, snapshot):
        check(not self.tick, "snapshot-boundary", "auditTreeSize at the end of a tick", self.size)
        agree("snapshot-root", snapshot, auditRootHash=self.root())
        agree("snapshot-time", snapshot, logicalTime=self.time)
        agree("snapshot-positions", snapshot, positions=digest(in_order(self.ledger)))
    def memory(self):
        for key, (instance, kind, at, result, status, _, *counts) in self.decisions.items():
            yield {"decisionId": key, "strategyInstanceId": instance, "decisionClass": kind, "firstSeenLogicalTime": at,
                   "execution": {"executionsObserved": int(bool(status)), "filledCount": int(status == "FILLED"),
                                 "failedCount": int(status == "FAILED"), "lastExecutionStatus": status},
                   "safety": {"evaluationsObserved": int(bool(result)), "blockedCount": int(result in BLOCKS),
                              "forcedSellCount": int(result == "FORCE_SELL"), "lastSafetyResult": result},
                   "feedback": {"feedbackCount": sum(counts), "categories": dict(zip(CATEGORIES, counts))}}

# ---- Ed25519 (RFC 8032) and checkpoints (C2SP signed-note and tlog-checkpoint)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def add(a, b):
    t = D * a[0] * b[0] * a[1] * b[1]
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P)
def multiply(scalar, point):
    product = (0, 1)
    for bit in bin(scalar)[2:]:
        product = add(product, product)
        if bit == "1": product = add(product, point)
    return product
def decode_point(octets):
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & 2**255 - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square: x = x * pow(2, (P - 1) // 4, P) % P
    is_point = len(octets) == 32 and y < P and x * x % P == square and (x or not sign)
    return (x if x & 1 == sign else P - x, y) if is_point else None
BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
def is_signed(key, message, signature):
    point, s = decode_point(key), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L or not point: return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y = add(multiply(s, BASE), multiply(k, (P - point[0], point[1])))
    return signature[:32] == (y | (x & 1) << 255).to_bytes(32, "little")
def decode_base64(text):
    octets = base64.b64decode(text, validate=True)
    if base64.b64encode(octets).decode() != text: raise ValueError("not in Base64")
    return octets

def read_key(text):
    """Name, id and public key of a verifier key NAME+ID+BASE64, given as text or as a file that holds it."""
    text = open(text).read().rstrip("\n") if os.path.isfile(text) else text
    name, key_id, octets = text.split("+", 2)
    octets = decode_base64(octets)
    point, expected = decode_point(octets[1:]), sha256(name.encode(), b"\n", octets)[:4]
    is_key = point and multiply(8, point) != (0, 1) and octets[0] == 1 and name.split() == [name]
    if not is_key or key_id != expected.hex(): raise ValueError("not an Ed25519 key with this id")
    return name, expected, octets[1:]

TEXT, BASE64 = "[^\0-\x1f]+", "[A-Za-z0-9+/]+=*"
CHECKPOINT = re.compile(f"(({TEXT})\n(0|[1-9][0-9]{{0,18}})\n({BASE64})\n(?:{TEXT}\n)*)"
                        f"(?:\n((?:— [^\\s+\0-\x1f]+ {BASE64}\n)+))?")

def read_checkpoint(note, key):
    """Size and root of a checkpoint; with a key, one of this key's log that it has signed."""
    try:
        text, origin, size, root, signatures = CHECKPOINT.fullmatch(note.decode()).groups("")
        size, root = int(size), decode_base64(root)
        signed = [(name, decode_base64(octets)) for _, name, octets in map(str.split, signatures.splitlines())]
    except (AttributeError, ValueError):
        raise Fault("checkpoint-form", "a C2SP tlog-checkpoint", str(note[:80]), 0) from None
    check(len(root) == 32 and (size or root == sha256()), "checkpoint-form", "a root of this size", root.hex())
    if key:
        own = [octets[4:] for name, octets in signed if (name, octets[:4]) == key[:2] and name == origin]
        is_sound = own and all(is_signed(key[2], text.encode(), signature) for signature in own)
        check(is_sound, "checkpoint-signature", f"signed by its log, {key[0]}+{key[1].hex()}", origin)
    return size, root.hex()

# ---- Stores, and the checks of all their lines
class Store:
    """A file, as long as it is now. A line is its bytes and then LF; what follows the last LF is the tail."""
    def __init__(self, directory, name):
        self.path, self.findings = os.path.join(directory, name), []
        self.file, self.size, self.tail = io.BytesIO(), 0, 0
        if name not in os.listdir(directory): return  # A missing file is an empty one.
        self.file = open(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        status = os.fstat(self.file.fileno())
        self.size = status.st_size
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1: raise OSError(f"{self.path}: not one regular file")
    def lines(self):
        at = 0
        for number, line in enumerate(self.file, 1):
            if at + len(line) > self.size or not line.endswith(b"\n"): break
            yield number, at, line[:-1]  # number and offset of a line, and its bytes
            at += len(line)
        self.tail = self.size - at
    @contextlib.contextmanager
    def reading(self, line, offset):
        """Makes a fault in what is done with a line a finding."""
        try: yield
        except Fault as fault:
            rule, expected, found, at = fault.args
            self.findings.append({"file": self.path, "line": line, "offset": offset, "byte": offset + at, "rule": rule,
                                  "expected": expected, "found": found})

def verify(log, snapshots, checkpoint, expected):
    """Checks all lines, and that the log extends the expected size and root. Adds findings to the stores."""
    history, places, sound, lines, seen, latest, root = History(), {}, [], 0, 0, 0, History().root()
    for seen, at, line in snapshots.lines():  # first, since a malformed snapshot may name any size
        with snapshots.reading(seen, at):
            snapshot = read_snapshot(line, log.size + 1_024)
            places.setdefault(snapshot["auditTreeSize"], []).append((seen, at, snapshot))
    for lines, at, line in log.lines():
        with log.reading(lines, at):
            event, leaf = read_event(line)
            if log.findings: continue
            history.apply(event, leaf)
            if lines == expected[0]: root = history.root()
            for number, start, snapshot in places.pop(lines, []):
                with snapshots.reading(number, start):
                    history.check_snapshot(snapshot)
                    sound.append((number, start, lines))
    ahead = [(*place[:2], size) for size in places if size > lines for place in places[size]]
    for number, start, size in sorted(sound + ahead):
        with snapshots.reading(number, start):
            check(size <= lines, "snapshot-ahead", f"at most {lines}, the events of the log", size)
            check(size > latest, "snapshot-sequence", f"more than {latest}", size)
            latest = size
    with checkpoint.reading(1, 0):
        check(expected[0] <= lines, "checkpoint-ahead", f"at most {lines} events", expected[0])
        check(root == expected[1] or expected[0] > history.size, "checkpoint-root", root, expected[1])
    broken_snapshots = sorted(snapshots.findings, key=lambda finding: finding["line"])
    return {"findings": log.findings + broken_snapshots + checkpoint.findings, "events": lines,
            "treeSize": history.size, "rootHash": history.root(), "memoryDigest": digest(history.memory()),
            "ledgerDigest": digest(in_order(history.ledger)), "lifecyclesDigest": digest(in_order(history.lifecycles)),
            "snapshots": seen, "snapshotTreeSize": latest or None, "unterminatedBytes": log.tail + snapshots.tail,
            "interruptedTick": history.tick and history.tick["decisionId"], "uncheckedEvents": lines - history.size}

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, kind in {"--data-dir": str, "--audit-events-dir": str, "--snapshots-dir": str,
                         "--checkpoint": argparse.FileType("rb"), "--public-key": read_key}.items():
        parser.add_argument(option, type=kind)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data_dir and not (options.audit_events_dir and options.snapshots_dir):
        parser.error("name the stores by --data-dir, or by --audit-events-dir and --snapshots-dir")
    note = options.checkpoint.read() if options.checkpoint else b""
    if options.public_key and not options.checkpoint or b"\n\n" in note and not options.public_key:
        parser.error("a signed checkpoint and --public-key need each other")
    try:
        data = options.data_dir or ""  # The size of the snapshots is fixed first: the log then has the events of each.
        snapshots = Store(options.snapshots_dir or os.path.join(data, "snapshots"), "snapshots.ndjson")
        log = Store(options.audit_events_dir or os.path.join(data, "audit-events"), "audit_events.ndjson")
        checkpoint, expected = Store("/", ""), (0, History().root())
        checkpoint.path = getattr(options.checkpoint, "name", "")
        with checkpoint.reading(1, 0):
            if options.checkpoint: expected = read_checkpoint(note, options.public_key)
        report = verify(log, snapshots, checkpoint, expected)
    except OSError as error:
        sys.exit(print(f"error: {error}", file=sys.stderr) or 10)
    findings, report["findings"] = report["findings"], len(report["findings"])
    text = "{file}: line {line} at byte {byte} (line start {offset}): rule {rule}: expected {expected}, found {found}"
    lines = [text.format(**finding) for finding in findings] + [f"{name:20}{value}" for name, value in report.items()]
    print(*map(json.dumps, findings + [report]) if options.json else lines, sep="\n")
    sys.exit(21 if findings else 0)

if __name__ == "__main__": main()
