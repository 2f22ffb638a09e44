import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { useState } from "react";
import { CoverageStrip } from "./coverage-strip";
import { examples, examplesPlugin } from "./examples";
import markUrl from "./mark.svg";
import { planPlugin, withPlan } from "./plan";
import { RoleSwitch } from "./roles";
import { createTransport } from "./transport";

import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./style.css";

// A narrow window has room for the query or for the examples.
const isWide = matchMedia("(width >= 720px)").matches;

// Outside the component: GraphiQL takes a new array for a change of plugins.
const plugins = [examplesPlugin, explorerPlugin(), planPlugin, HISTORY_PLUGIN];
const defaultTabs = examples.map(({ query }) => ({ query }));

/** GraphiQL over /graphql of the page's own origin. */
export function Playground() {
  const [transport] = useState(() => createTransport("/graphql"));
  const [fetcher] = useState(() => withPlan(transport.fetcher));
  return (
    <>
      <header className="bar">
        <img src={markUrl} alt="" width="24" height="24" />
        <h1>
          邻汇 <span>Linhui</span>
        </h1>
        <RoleSwitch onToken={transport.setToken} />
      </header>
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        visiblePlugin={isWide ? examplesPlugin : undefined}
        defaultTabs={defaultTabs}
        inputValueDeprecation
        schemaDescription
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
        <GraphiQL.Footer>
          <CoverageStrip />
        </GraphiQL.Footer>
      </GraphiQL>
    </>
  );
}
