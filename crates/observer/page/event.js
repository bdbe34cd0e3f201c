// What an event says, in a row's length, and as fields.

import { contentId } from "./tree.js";

export const EVENT_TYPES = [
  "DECISION_EVALUATED",
  "ORDER_INTENT_CREATED",
  "ORDER_INTENT_SKIPPED",
  "SAFETY_EVALUATED",
  "EXECUTION_ATTEMPTED",
  "EXECUTION_OUTCOME_RECORDED",
  "LEDGER_UPDATED",
  "USER_FEEDBACK_RECORDED",
];

const ID_LENGTH = 36;

/** The id of an event's line. */
export const idOf = (line) => line.slice('{"id":"'.length, '{"id":"'.length + ID_LENGTH);

/** True if the line has the id that its content demands. */
export const isCertified = (line) => idOf(line) === contentId(line);

/** The event's own words, without ids. */
export function summary(event) {
  switch (event.type) {
    case "DECISION_EVALUATED": {
      const facts = Object.values(event.attention);
      const gates = Object.keys(event.safetyGates).filter((gate) => event.safetyGates[gate]);
      const target = event.targetMarketId ?? "no target market";
      const attention = `${facts.filter(Boolean).length} of ${facts.length} attention facts`;
      return [target, attention, event.parameterPoolId, ...gates, event.decisionClass].join(" · ");
    }
    case "ORDER_INTENT_CREATED":
      return `${event.side} ${event.allocation} ${event.marketId} · ${event.origin}`;
    case "ORDER_INTENT_SKIPPED":
      return event.reason;
    case "SAFETY_EVALUATED":
      return [event.result, event.reason].filter(Boolean).join(" · ");
    case "EXECUTION_ATTEMPTED":
      return event.plane;
    case "EXECUTION_OUTCOME_RECORDED":
      return [event.status, `${event.side} ${event.filledQuantity} ${event.marketId}`, event.reason]
        .filter(Boolean)
        .join(" · ");
    case "LEDGER_UPDATED":
      return `${event.plane} ${event.marketId}`;
    case "USER_FEEDBACK_RECORDED":
      return [`${event.category} on ${event.target.type}`, event.comment].filter(Boolean).join(" · ");
    default:
      return "";
  }
}

/** The decision that an event belongs to; null for feedback on a time window. */
export const decisionOf = (event) => event.decisionId ?? event.target?.decisionId ?? null;

/** The fields of a value, each with its path: `attention.confidenceSufficient`. A list gives its field several times. */
export function fields(value, path = "") {
  if (Array.isArray(value)) return value.flatMap((one) => fields(one, path));
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([name, one]) => fields(one, path ? `${path}.${name}` : name));
  }
  return [[path, value]];
}
