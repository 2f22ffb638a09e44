package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/web"
)

// recordFetches keeps every answer that the page gets, for Monaco shows only some lines of it.
const recordFetches = `window.answers = []; const plain = window.fetch;
window.fetch = async (...asked) => {
	const response = await plain(...asked);
	if (String(asked[0]) === "/graphql" && !asked[1].body.includes("IntrospectionQuery")) window.answers.push(await response.clone().text());
	return response;
};`

// browser is a page of the playground in a real browser.
type browser struct {
	*bundle
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	troubles []string
}

// openPlayground shows the playground of six streets, with a role switch like the demo's.
func openPlayground(t *testing.T) *browser {
	t.Helper()
	if !web.Built() {
		t.Fatal("the playground is not built: make web")
	}
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("no browser: install Debian's chromium")
	}
	p := &browser{t: t}
	p.bundle = sixStreets(t, func(o *app.Options) {
		o.Server.Playground, o.Server.PlaygroundPolicy = web.Playground(), web.ContentSecurityPolicy
	})
	mux := http.NewServeMux()
	mux.Handle("/", p.gateway.Handler())
	mux.HandleFunc("GET /playground/roles.json", func(w http.ResponseWriter, _ *http.Request) {
		type grant struct {
			Role  authz.Role `json:"role"`
			Label string     `json:"label"`
			Token string     `json:"token"`
		}
		_ = json.NewEncoder(w).Encode([]grant{{authz.Public, "Public", ""}, {authz.DistrictViewer, "District", p.token(authz.DistrictViewer)}})
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)

	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, func(event any) { p.hear(event, site.URL) }); err != nil {
		t.Fatal(err)
	}
	p.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	command(p, network.Enable, network.EnableParams{})
	command(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: recordFetches})
	p.do(chromedp.Navigate(site.URL+"/"), chromedp.WaitVisible(".graphiql-execute-button"), chromedp.WaitVisible("#role"))
	return p
}

// hear notes what must not happen: requests to elsewhere, errors of the page, violations of its policy.
func (p *browser) hear(event any, site string) {
	trouble := ""
	elsewhere := func(to string) {
		u, err := url.Parse(to)
		home := strings.TrimPrefix(site, "http://")
		if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != home {
			trouble = "a request to " + to
		}
	}
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		elsewhere(e.Request.URL)
	case *network.EventWebSocketCreated:
		elsewhere(e.URL)
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			trouble = fmt.Sprintf("console: %s", e.Args[0].Value)
		}
	case *cdplog.EventEntryAdded:
		// A refused query is an HTTP status; that the browser mentions it is no trouble.
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			trouble = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if trouble != "" {
		p.mu.Lock()
		p.troubles = append(p.troubles, trouble)
		p.mu.Unlock()
	}
}

func (p *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// command sends one command of the protocol.
func command[P, R any](p *browser, c cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, c, params); err != nil {
		p.t.Fatal(err)
	}
}

// eval runs a script in the page and returns its value.
func eval[T any](p *browser, script string, args ...any) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](fmt.Sprintf(script, args...)))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// sees waits until the text of an element holds a text; Monaco's spaces are not breaking.
func (p *browser) sees(selector, text string) {
	p.t.Helper()
	until(p.t, selector+" shows "+text, func() bool {
		return strings.Contains(eval[string](p, `(document.querySelector(%q)?.textContent ?? "").replaceAll("\u00a0", " ")`, selector), text)
	})
}

// execute runs the present tab and returns the answer.
func (p *browser) execute() (a answer) {
	p.t.Helper()
	before := eval[int](p, `window.answers.length`)
	p.do(chromedp.Click(".graphiql-execute-button"))
	var text string
	until(p.t, "an answer", func() bool {
		text = eval[string](p, `window.answers[%d] ?? ""`, before)
		return text != ""
	})
	decode(p.t, json.RawMessage(text), &a)
	return a
}

// tab goes to the tab of a name.
func (p *browser) tab(name string) {
	p.t.Helper()
	if !eval[bool](p, `(() => { const tab = [...document.querySelectorAll(".graphiql-tab-button")].find((b) => b.textContent === %q); tab?.click(); return !!tab; })()`, name) {
		p.t.Fatalf("no tab %s", name)
	}
	p.sees(".graphiql-tab-active", name)
}

// become chooses a role.
func (p *browser) become(role authz.Role) {
	p.t.Helper()
	eval[bool](p, `(() => { const s = document.querySelector("#role"); s.value = %q; return s.dispatchEvent(new Event("change", {bubbles: true})); })()`, role)
}

// photograph keeps a picture where $LINHUI_SCREENSHOTS says.
func (p *browser) photograph(name string) {
	p.t.Helper()
	dir := os.Getenv("LINHUI_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func TestPlaygroundInABrowser(t *testing.T) {
	t.Parallel()
	p := openPlayground(t)
	for _, name := range []string{"Today", "District", "Stations", "PublishedAndRecorded", "CourseDemand"} {
		p.tab(name)
		if a := p.execute(); len(a.Errors) > 0 || !strings.Contains(string(a.Data), `"edges":[{`) {
			t.Errorf("%s: %+v %.300s", name, a.Errors, a.Data)
		}
	}
	p.tab("Today")
	p.execute()
	p.sees(".coverage", "来源齐全")
	p.photograph("today")

	// Another role sends another token.
	p.become(authz.Public)
	if a := p.execute(); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("the public is told %+v %s", a.Errors, a.Data)
	}
	p.photograph("refused")
	p.become(authz.DistrictViewer)

	// A source that is down is named.
	lost := p.home["qiyue"]
	p.proxies[lost].Set(testkit.Refuse)
	if a := p.execute(); len(a.Errors) == 0 {
		t.Error("no error tells of the lost source")
	}
	p.sees(".coverage[data-complete=false]", lost)
	p.photograph("incomplete")
	p.proxies[lost].Set(testkit.Pass)

	// A subscription receives an event.
	p.tab("TodayLive")
	p.do(chromedp.Click(".graphiql-execute-button"))
	db := p.sources[p.home["lanxin"]].Open(t)
	until(t, "an event is shown", func() bool {
		execSQL(t, db, `UPDATE events SET theme = 'changed' WHERE owner = 'lanxin'`)
		return eval[bool](p, `document.querySelector(".graphiql-response").textContent.includes("todayEventsChanged")`)
	})
	p.photograph("live")
	p.do(chromedp.Click(".graphiql-execute-button")) // it has become the stop button

	// A wrong query is answered readably.
	p.do(chromedp.Click(".graphiql-tab-add"), chromedp.Click(".graphiql-query-editor .view-lines"))
	const control = 2
	for _, kind := range []input.DispatchKeyEventType{"rawKeyDown", "keyUp"} {
		command(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Modifiers: control, Key: "a", Code: "KeyA", WindowsVirtualKeyCode: 'A'})
	}
	command(p, input.InsertText, input.InsertTextParams{Text: "{ nothing }"})
	p.sees(".graphiql-query-editor", "{ nothing }")
	if a := p.execute(); len(a.Errors) != 1 || !strings.Contains(a.Errors[0].Message, `Cannot query field "nothing"`) {
		t.Errorf("%+v", a.Errors)
	}

	// The explorer lists the root fields.
	p.do(chromedp.Click(`button[aria-label*="GraphiQL Explorer"]`), chromedp.WaitVisible(".graphiql-explorer-echoWall"))
	p.photograph("explorer")

	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		grounds[eval[string](p, `getComputedStyle(document.body).backgroundColor`)] = scheme
		p.photograph(scheme)
	}
	if len(grounds) != 2 {
		t.Errorf("light and dark have one ground: %v", grounds)
	}
	p.do(chromedp.EmulateViewport(390, 844))
	p.photograph("narrow")

	p.mu.Lock()
	defer p.mu.Unlock()
	for _, trouble := range p.troubles {
		t.Error(trouble)
	}
}
