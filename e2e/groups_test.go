package e2e

import "testing"

// TestGroupsShowTheRowsOfTheirKeys: what a group is cut by leads to its own row, not to that of
// another group of the same community.
func TestGroupsShowTheRowsOfTheirKeys(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	var out struct {
		ByStation struct {
			Nodes []struct{ Station *struct{ ID string } }
		}
		ByStreet struct {
			Nodes []struct{ Street *struct{ Code string } }
		}
	}
	b.must("", `{ byStation: roomAggregate(groupBy: [STATION]) { nodes { station { id } rooms } } byStreet: stationAggregate(groupBy: [STREET]) { nodes { street { code } } } }`, nil, &out)
	seen := map[string]bool{}
	for _, n := range out.ByStation.Nodes {
		if n.Station != nil && seen[n.Station.ID] {
			t.Errorf("two groups of the station %s", n.Station.ID)
		} else if n.Station != nil {
			seen[n.Station.ID] = true
		}
	}
	for _, n := range out.ByStreet.Nodes {
		if n.Street != nil && seen[n.Street.Code] {
			t.Errorf("two groups of the street %s", n.Street.Code)
		} else if n.Street != nil {
			seen[n.Street.Code] = true
		}
	}
	if len(seen) < 8 {
		t.Errorf("%d keys", len(seen))
	}
}
