package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"linhui/internal/tabular"
)

// probe is one question of an attacker about the planted records.
type probe struct {
	from, to  int      // months of 2026
	by        []string // COMMUNITY, TEAM
	bucket    string   // "", DAY, MONTH
	community string   // asked for alone; "" for all
	more      []string // arguments that cut the answer short, with $records for the measure
	paged     bool     // by pages of a hundred
	compared  bool     // with the period before
}

// told is a group as an answer tells it.
type told struct {
	suppressed              bool
	records                 int
	compared                *int
	community, bucket, team string
}

// answered is what one question yields.
type answered struct {
	groups       []told
	total, other *int
}

// asker puts a probe to the gateway, by one of the ways that lead to figures.
type asker struct {
	*bundle
	token   string
	headers []string
	keeps   string // the name of its saved query
}

// ways are those of an analyst: typed fields, figures by name, a file of either, a saved query.
func (a *asker) ways() []func(probe) (answered, bool) {
	return []func(probe) (answered, bool){a.typed, a.typed, a.named, a.file, a.saved}
}

func (p probe) period() string {
	return fmt.Sprintf(`{from: "2026-%02d-01", to: "2026-%02d-%02d"}`, p.from, p.to, []int{0, 31, 28, 31, 30, 31}[p.to])
}

func (p probe) args(measure string) string {
	args := []string{"period: " + p.period()}
	if p.bucket != "" {
		args = append(args, "bucket: "+p.bucket)
	}
	if p.community != "" {
		args = append(args, fmt.Sprintf("communities: [%q]", p.community))
	}
	if p.compared {
		args = append(args, "compareTo: PREVIOUS")
	}
	for _, m := range p.more {
		args = append(args, strings.ReplaceAll(m, "$records", measure))
	}
	if p.paged {
		args = append(args, "first: 100")
	} else if !strings.Contains(strings.Join(p.more, " "), "first") {
		args = append(args, "first: 10000")
	}
	return strings.Join(args, ", ")
}

func (p probe) typedQuery(after string) string {
	args, fields := p.args("records")+after, "suppressed records"
	if p.by != nil {
		args += ", groupBy: [" + strings.Join(p.by, ", ") + "]"
	}
	for _, d := range p.by {
		fields += map[string]string{"COMMUNITY": " community { slug }", "TEAM": " team { id }"}[d]
	}
	if p.bucket != "" {
		fields += " bucket"
	}
	if p.compared {
		fields += " compared { records }"
	}
	return "{ serviceRecordAggregate(" + args + ") { nodes { " + fields + " } total { records } other { records } pageInfo { hasNextPage endCursor } } }"
}

func (a *asker) typed(p probe) (all answered, ok bool) {
	for after := ""; ; {
		out := a.ask(a.token, p.typedQuery(after), nil, a.headers...)
		var data struct {
			ServiceRecordAggregate *struct {
				Nodes []struct {
					Suppressed bool
					Records    int
					Bucket     *string
					Community  *struct{ Slug string }
					Team       *struct{ ID string }
					Compared   *struct{ Records int }
				}
				Total, Other *struct{ Records int }
				PageInfo     struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		if json.Unmarshal(out.Data, &data) != nil || data.ServiceRecordAggregate == nil {
			return all, false
		}
		d := data.ServiceRecordAggregate
		for _, n := range d.Nodes {
			g := told{suppressed: n.Suppressed, records: n.Records}
			if n.Bucket != nil {
				g.bucket = *n.Bucket
			}
			if n.Community != nil {
				g.community = n.Community.Slug
			}
			if n.Team != nil {
				g.team = n.Team.ID
			}
			if n.Compared != nil {
				g.compared = &n.Compared.Records
			}
			all.groups = append(all.groups, g)
		}
		if d.Total != nil {
			all.total = &d.Total.Records
		}
		if d.Other != nil && all.other == nil {
			all.other = &d.Other.Records
		}
		if !p.paged || !d.PageInfo.HasNextPage {
			return all, true
		}
		after = fmt.Sprintf(", after: %q", d.PageInfo.EndCursor)
	}
}

func (a *asker) named(p probe) (all answered, ok bool) {
	args := p.args("ServiceRecord.records") + `, measures: ["ServiceRecord.records"]`
	if p.by != nil {
		args += ", dimensions: " + quotedList(p.by)
	}
	out := a.ask(a.token, "{ metrics("+args+") { nodes { bucket keys values compared suppressed } total other } }", nil, a.headers...)
	var data struct{ Metrics *metricsTable }
	if json.Unmarshal(out.Data, &data) != nil || data.Metrics == nil {
		return all, false
	}
	for _, n := range data.Metrics.Nodes {
		g := told{suppressed: n.Suppressed, records: intOf(n.Values[0])}
		for i, d := range p.by {
			g.set(d, n.Keys[i])
		}
		g.set("bucket", n.Bucket)
		if len(n.Compared) > 0 && n.Compared[0] != nil {
			was := intOf(n.Compared[0])
			g.compared = &was
		}
		all.groups = append(all.groups, g)
	}
	for at, list := range map[**int][]*string{&all.total: data.Metrics.Total, &all.other: data.Metrics.Other} {
		if len(list) > 0 && list[0] != nil {
			n := intOf(list[0])
			*at = &n
		}
	}
	return all, true
}

// file exports the typed groups.
func (a *asker) file(p probe) (answered, bool) {
	p.compared = false
	resp, body := a.run(a.token, "/graphql?query="+url.QueryEscape(p.typedQuery("")), append([]string{"Accept", tabular.CSV.Media}, a.headers...)...)
	return a.csv(body, resp.StatusCode == 200)
}

// attackers is a saved query with everything that can be a parameter.
const attackers = `query($period: DateRange!, $by: [String!], $bucket: Bucket, $communities: [ID!]) {
	metrics(measures: ["ServiceRecord.records"], dimensions: $by, period: $period, bucket: $bucket, communities: $communities, first: 10000) { nodes { bucket keys values suppressed } } }`

func (a *asker) saved(p probe) (answered, bool) {
	given := url.Values{"period": {strings.NewReplacer("from:", `"from":`, "to:", `"to":`).Replace(p.period())}}
	if p.by != nil {
		given.Set("by", strings.Join(p.by, ","))
	}
	if p.bucket != "" {
		given.Set("bucket", p.bucket)
	}
	if p.community != "" {
		given.Set("communities", p.community)
	}
	resp, body := a.run(a.token, "/q/"+a.keeps+".csv?"+given.Encode(), a.headers...)
	return a.csv(body, resp.StatusCode == 200)
}

// csv reads the groups of a file by the names of its columns.
func (a *asker) csv(body string, ok bool) (all answered, _ bool) {
	if !ok {
		return all, false
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil {
		a.t.Errorf("%v\n%s", err, body)
		return all, false
	}
	for _, line := range lines[1:] {
		var g told
		for i, name := range lines[0] {
			switch name {
			case "records", "values.ServiceRecord.records":
				g.records = intOf(&line[i])
			case "suppressed":
				g.suppressed = line[i] == "true"
			case "community.slug", "keys.COMMUNITY":
				g.community = line[i]
			case "team.id", "keys.TEAM":
				g.team = line[i]
			case "bucket":
				g.bucket = line[i]
			}
		}
		all.groups = append(all.groups, g)
	}
	return all, true
}

func (g *told) set(name string, value *string) {
	if value == nil {
		return
	}
	switch name {
	case "COMMUNITY":
		g.community = *value
	case "TEAM":
		g.team = *value
	case "bucket":
		g.bucket = *value
	}
}

func intOf(text *string) int {
	if text == nil {
		return 0
	}
	n, err := strconv.Atoi(*text)
	if err != nil {
		return 0
	}
	return n
}
