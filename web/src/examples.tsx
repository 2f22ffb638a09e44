import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { parse, validate } from "graphql";
import { useMemo } from "react";

interface Example {
  /** The kind of user, the first word of the file's name. */
  audience: string;
  /** In Chinese and in English. */
  titles: [string, string];
  query: string;
}

const audiences: Record<string, string> = {
  dashboard: "区级看板 District dashboard",
  frontend: "前端开发 Frontend developer",
  analyst: "数据分析 Analyst",
  supergraph: "与其他图一起 With other graphs",
};

/** Needs other graphs beside ours: shown where the schema has what it asks for. */
const supergraph = "supergraph";

const files = import.meta.glob<string>("./examples/*.graphql", { query: "?raw", import: "default", eager: true });

/** The files of examples/, in the order of `audiences`; a file's first line is `# `, its Chinese title, ` · ` and its English one. */
const all: Example[] = Object.keys(audiences).flatMap((audience) =>
  Object.entries(files)
    .filter(([path]) => path.startsWith(`./examples/${audience}-`))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([, query]) => ({ audience, titles: query.slice(2, query.indexOf("\n")).split(" · ", 2) as [string, string], query })),
);

/** What every graph of ours answers. */
export const examples = all.filter(({ audience }) => audience !== supergraph);

/** A pane to come back to the examples after their tabs were edited or closed. */
export const examplesPlugin: GraphiQLPlugin = { title: "示例 Examples", icon: ExamplesIcon, content: ExamplesPane };

function ExamplesPane() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor, schema } = useGraphiQL(({ tabs, queryEditor, schema }) => ({ tabs, queryEditor, schema }));
  const shown = useMemo(
    () => all.filter(({ audience, query }) => audience !== supergraph || (schema && validate(schema, parse(query)).length === 0)),
    [schema],
  );

  const open = (query: string) => {
    const untouched = tabs.findIndex((tab) => tab.query === query);
    if (untouched >= 0) {
      changeTab(untouched);
    } else {
      addTab();
      queryEditor?.setValue(query);
    }
  };
  return (
    <section className="examples">
      <h2>示例 Examples</h2>
      {Object.entries(audiences)
        .filter(([audience]) => shown.some((example) => example.audience === audience))
        .map(([audience, label]) => (
          <div key={audience}>
            <h3>{label}</h3>
            <ul>
              {shown
                .filter((example) => example.audience === audience)
                .map(({ titles: [chinese, english], query }) => (
                  <li key={chinese}>
                    <button type="button" onClick={() => open(query)}>
                      {chinese}
                      <span lang="en">{english}</span>
                    </button>
                  </li>
                ))}
            </ul>
          </div>
        ))}
    </section>
  );
}

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <rect x="4" y="3" width="16" height="18" rx="2.5" />
      <path d="M8 8h8M8 12h8M8 16h5" />
    </svg>
  );
}
