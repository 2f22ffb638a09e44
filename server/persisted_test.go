package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"linhui/server"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func extension(hash string) string {
	return fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hash)
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const text = "{hello}"
	byHash := `{"extensions":` + extension(hashOf(text)) + `}`
	if got := b.post(t, byHash); got.status != 200 || got.code(t) != "PERSISTED_QUERY_NOT_FOUND" || got.errors(t)[0].Message != "PersistedQueryNotFound" {
		t.Errorf("unknown: %d %s", got.status, got.body)
	}
	if got := b.post(t, `{"query":"{hello}","extensions":`+extension(hashOf("{helo}"))+`}`); got.status != 400 {
		t.Errorf("another text's hash: %d %s", got.status, got.body)
	}
	if got := b.post(t, `{"query":"{hello}","extensions":`+extension(hashOf(text))+`}`); got.body != `{"data":{"hello":"hello"}}` {
		t.Errorf("register: %s", got.body)
	}
	if got := b.post(t, byHash); got.body != `{"data":{"hello":"hello"}}` {
		t.Errorf("by hash: %s", got.body)
	}
	if got := b.request(t, "GET", "/graphql?extensions="+url.QueryEscape(extension(hashOf(text))), ""); got.body != `{"data":{"hello":"hello"}}` {
		t.Errorf("by GET: %s", got.body)
	}
	for name, body := range map[string]string{
		"version 2":     `{"extensions":{"persistedQuery":{"version":2,"sha256Hash":"` + hashOf(text) + `"}}}`,
		"no hash":       `{"extensions":{"persistedQuery":{"version":1}}}`,
		"not a hash":    `{"extensions":` + extension("abc") + `}`,
		"not an object": `{"extensions":{"persistedQuery":[]}}`,
	} {
		if got := b.post(t, body); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	const invalid = "{helo}"
	b.post(t, `{"query":"{helo}","extensions":`+extension(hashOf(invalid))+`}`)
	if got := b.post(t, `{"extensions":`+extension(hashOf(invalid))+`}`); got.code(t) != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid document was kept: %s", got.body)
	}
}

func TestPersistedQueriesAreSharedAndChecked(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	instance := func() *bundle { return setup(t, func(o *server.Options) { o.Redis = redisAt(t, m.Addr()) }) }
	one, two, three := instance(), instance(), instance()
	one.post(t, `{"query":"{hello}","extensions":`+extension(hashOf("{hello}"))+`}`)
	byHash := `{"extensions":` + extension(hashOf("{hello}")) + `}`
	if got := two.post(t, byHash); got.body != `{"data":{"hello":"hello"}}` {
		t.Errorf("the second instance does not know it: %s", got.body)
	}
	m.Set("linhui:apq:"+hashOf("{hello}"), "mutation{bump}")
	if got := three.post(t, byHash); got.code(t) != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("another text under the hash was run: %s", got.body)
	}
}

func TestOldDocumentsMakeRoom(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.DocumentBytes = 6000 }) // four of these
	for i := range 6 {
		b.query(t, fmt.Sprintf("{a%d:hello}", i))
	}
	known := 0
	for i := range 6 {
		if got := b.post(t, `{"extensions":`+extension(hashOf(fmt.Sprintf("{a%d:hello}", i)))+`}`); got.code(t) == "" {
			known++
			if i < 2 {
				t.Errorf("document %d outlived newer ones", i)
			}
		}
	}
	if known != 4 {
		t.Errorf("%d documents in 6 KB", known)
	}
}

func TestAllowList(t *testing.T) {
	t.Parallel()
	const listed = "{hello}"
	list, err := server.ReadAllowList(strings.NewReader(mustJSON(map[string]string{hashOf(listed): listed})))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(o *server.Options) { o.AllowList = list })
	const other = `{"query":"{items{totalCount}}"}`
	if got := b.post(t, other, "Authorization", "Bearer admin"); got.status != 200 {
		t.Errorf("an administrator: %d %s", got.status, got.body)
	}
	for _, token := range []string{"", "Bearer staff"} {
		if got := b.post(t, other, "Authorization", token); got.status != 403 || got.code(t) != "FORBIDDEN" {
			t.Errorf("%q: %d %s", token, got.status, got.body)
		}
		if got := b.query(t, listed, "Authorization", token); got.status != 200 {
			t.Errorf("%q: listed, by text: %d %s", token, got.status, got.body)
		}
		if got := b.post(t, `{"extensions":`+extension(hashOf(listed))+`}`, "Authorization", token); got.status != 200 {
			t.Errorf("%q: listed, by hash: %d %s", token, got.status, got.body)
		}
	}
	if _, err := server.ReadAllowList(strings.NewReader(`{"` + hashOf("a") + `":"b"}`)); err == nil {
		t.Error("a list with a wrong hash is read")
	}
}
