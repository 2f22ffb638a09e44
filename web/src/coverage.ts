/** A source whose rows are missing or old, as an answer tells it. */
export interface Gap {
  source: string;
  state: string;
  communities: string[];
  /** Response paths without list positions, such as "stations" or "community.courses". */
  fields: string[];
}

export interface CoverageReport {
  complete: boolean;
  /** Of the field that asked most sources; undefined when no `coverage` selected them. */
  requested?: number;
  answered?: number;
  slowestMs?: number;
  gaps: Gap[];
}

/**
 * Gathers every `coverage` object of a GraphQL response, and the errors that name a source, into one
 * report. Undefined when the response has neither: nothing is known then, so nothing may be claimed.
 */
export function readCoverage(response: unknown): CoverageReport | undefined {
  const report: CoverageReport = { complete: true, gaps: [] };
  let known = false;

  const addGap = (source: string, state: string, communities: string[], field: string) => {
    report.complete = false;
    let gap = report.gaps.find((g) => g.source === source);
    if (!gap) report.gaps.push((gap = { source, state, communities: [], fields: [] }));
    gap.communities = union(gap.communities, communities);
    gap.fields = union(gap.fields, field ? [field] : []);
  };

  const addCoverage = (coverage: Fields, field: string) => {
    known = true;
    const { requested, answered } = coverage;
    if (coverage.complete === false) report.complete = false;
    if (typeof requested === "number" && typeof answered === "number") {
      if (answered < requested) report.complete = false;
      if (requested - answered >= (report.requested ?? 0) - (report.answered ?? 0)) {
        report.requested = requested;
        report.answered = answered;
      }
    }
    for (const source of list(coverage.sources)) {
      if (typeof source.latencyMs === "number") report.slowestMs = Math.max(report.slowestMs ?? 0, source.latencyMs);
      if (typeof source.state === "string" && source.state !== "OK") {
        addGap(text(source.key) || "?", source.state, names(source.communities), field);
      }
    }
  };

  const walk = (value: unknown, path: string[]) => {
    if (Array.isArray(value)) {
      for (const element of value) walk(element, path);
    } else if (isFields(value)) {
      for (const [key, child] of Object.entries(value)) {
        if (key === "coverage" && isFields(child)) addCoverage(child, path.join("."));
        else walk(child, [...path, key]);
      }
    }
  };

  if (!isFields(response)) return undefined;
  walk(response.data, []);
  for (const error of list(response.errors)) {
    const extensions = isFields(error.extensions) ? error.extensions : {};
    if (typeof extensions.source !== "string") continue;
    known = true;
    const path = Array.isArray(error.path) ? error.path.filter((step) => typeof step === "string") : [];
    addGap(extensions.source, text(extensions.code) || "ERROR", names(extensions.communities), path.join("."));
  }
  return known ? report : undefined;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const union = (a: string[], b: string[]): string[] => [...new Set([...a, ...b])];

/** Communities are slugs in errors and may be objects, with what the query selected of them, in `coverage`. */
const names = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [])
    .map((c: unknown) => (isFields(c) ? text(c.nameZh) || text(c.slug) || text(c.id) : text(c)))
    .filter(Boolean);
