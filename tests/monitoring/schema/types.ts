// SPDX-License-Identifier: Apache-2.0
// What a dashboard of ours is, in Grafana's own types: schema_test.sh gives each JSON file this type.
import type {
  AnnotationQuery, Dashboard as GrafanaDashboard, Panel, RowPanel,
} from "@grafana/schema";
import type {
  FieldConfig, Options as TimeSeriesOptions,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type {
  Options as StatOptions,
} from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  Options as TableOptions,
} from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";

// JSON has the values of enums, never their members.
type Json<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;

// The package types no data source's queries but some of Grafana's own.
interface PrometheusQuery {
  datasource: { type: "prometheus"; uid: string };
  expr: string;
  legendFormat: string;
  refId: string;
  instant?: boolean;
  range?: boolean;
  format?: "time_series" | "table" | "heatmap";
}

type Common = Omit<Json<Panel>, "type" | "targets" | "options" | "fieldConfig"> & {
  targets: PrometheusQuery[];
};
type Field = Json<Panel>["fieldConfig"];
type Graph = Common & {
  type: "timeseries";
  options: Json<TimeSeriesOptions>;
  fieldConfig: Omit<NonNullable<Field>, "defaults"> & {
    defaults: Omit<NonNullable<Field>["defaults"], "custom"> & { custom: Json<FieldConfig> };
  };
};
type Stat = Common & { type: "stat"; options: Partial<Json<StatOptions>>; fieldConfig: Field };
type Table = Common & { type: "table"; options: Partial<Json<TableOptions>>; fieldConfig: Field };

type Annotation = Omit<Json<AnnotationQuery>, "target"> & { target: PrometheusQuery };

export type Dashboard = Omit<Json<GrafanaDashboard>, "panels" | "annotations"> & {
  annotations: { list: Annotation[] };
  panels: (Graph | Stat | Table | Json<RowPanel>)[];
};
