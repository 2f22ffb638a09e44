import { useGraphiQL } from "@graphiql/react";
import { useMemo } from "react";
import { readCoverage } from "./coverage";

/** One line under the answer of the current tab: were all sources heard, and which were not. */
export function CoverageStrip() {
  const response = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.response);
  const report = useMemo(() => readCoverage(parse(response)), [response]);
  if (!report) return null;

  const { complete, requested, answered, slowestMs, gaps } = report;
  return (
    <div className="coverage" data-complete={complete} role="status">
      <strong>{complete ? "✓ 来源齐全 Complete" : "⚠ 不完整 Incomplete"}</strong>
      {requested !== undefined && (
        <span>
          {answered}/{requested} 来源 sources
        </span>
      )}
      {complete && slowestMs !== undefined && <span>≤ {slowestMs} ms</span>}
      {gaps.map((gap) => (
        <span key={gap.source} className="gap" title={gap.fields.join(", ")}>
          <b>{gap.source}</b> {gap.state}
          {gap.communities.length > 0 && ` · ${gap.communities.join("、")}`}
        </span>
      ))}
      {!complete && gaps.length === 0 && (
        <span>
          选取 select <code>{"coverage { sources { key state communities } }"}</code>
        </span>
      )}
    </div>
  );
}

/** The response pane also holds what is no JSON: nothing yet, or a message. */
function parse(response: string | null | undefined): unknown {
  try {
    return JSON.parse(response ?? "");
  } catch {
    return undefined;
  }
}
