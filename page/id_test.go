package page_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"linhui/internal/fault"
	"linhui/page"
)

func TestEveryIDReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := page.ID{
			Type:  rapid.StringMatching(`[A-Z][A-Za-z]{0,40}`).Draw(t, "type"),
			Owner: rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(t, "owner"),
			UUID:  uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")),
		}
		got, err := page.ParseID(id.String())
		if err != nil || got != id {
			t.Fatalf("%v reads back as %v, %v", id, got, err)
		}
	})
}

func TestIDsOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	const u = "01890a5d-ac96-774b-bcce-b302099a8057"
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	good := encode("Station:anning:" + u)
	if _, err := page.ParseID(good); err != nil {
		t.Fatal(err)
	}
	last := good[len(good)-1]
	for name, text := range map[string]string{
		"empty":                      "",
		"not base64":                 "%%%",
		"padded":                     good + "==",
		"a line break inside":        good[:8] + "\n" + good[8:],
		"loose bits at the end":      encode("Station:a:" + u)[:len(encode("Station:a:"+u))-1] + "d",
		"two parts":                  encode("Station:" + u),
		"four parts":                 encode("Station:a:b:" + u),
		"no type":                    encode(":a:" + u),
		"no owner":                   encode("Station::" + u),
		"owner in capitals":          encode("Station:Anning:" + u),
		"owner of 41":                encode("Station:" + strings.Repeat("a", 41) + ":" + u),
		"owner with a quote":         encode("Station:a':" + u),
		"owner not ASCII":            encode("Station:安宁:" + u),
		"uuid cut":                   encode("Station:a:" + u[:35]),
		"uuid in capitals":           encode("Station:a:" + strings.ToUpper(u)),
		"uuid without dashes":        encode("Station:a:" + strings.ReplaceAll(u, "-", "")),
		"uuid in braces":             encode("Station:a:{" + u + "}"),
		"uuid of other characters":   encode("Station:a:" + strings.Repeat("z", 36)),
		"too long":                   encode("Station:a:" + u + strings.Repeat(" ", 300)),
		"standard base64 alphabet":   "++//" + good,
		"the last character dropped": good[:len(good)-1],
		"the last character twice":   good + string(last),
	} {
		id, err := page.ParseID(text)
		if !fault.Is(err, fault.BadUserInput) || id != (page.ID{}) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the message repeats the input: %v", name, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(page.ID{Type: "Station", Owner: "a"}.String())
	f.Add("U3RhdGlvbjphOg")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := page.ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q and %q are the same id", s, id)
		}
	})
}

func TestOwnersAreSlugs(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"a": true, "anning-xilu": true, "620105001000": true, "-": true, strings.Repeat("z", 40): true,
		"": false, strings.Repeat("z", 41): false, "A": false, "a_b": false, "a,b": false, "a'b": false, "é": false, "a\x00": false,
	} {
		if page.IsOwner(s) != want {
			t.Errorf("IsOwner(%q) is %t", s, !want)
		}
	}
}
