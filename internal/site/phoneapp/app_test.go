package phoneapp_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/base/message"
	"countersign/internal/site/phoneapp"
)

func serve(t *testing.T) http.Handler {
	t.Helper()
	app, err := phoneapp.New(func() string { return "North </script><b> Field" })
	if err != nil {
		t.Fatal(err)
	}
	return app.Handler()
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

func TestTheShellRunsOnlyItsOwnScriptsAndMayUseTheCamera(t *testing.T) {
	h := serve(t)
	for _, target := range []string{"/app/", "/app/?p=abcd1234", "/a/", "/a/abcd1234"} {
		w := get(h, target)
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(body, `src="/app/main.js"`) {
			t.Fatalf("%s: %d", target, w.Code)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %s", target, csp)
		}
		if !strings.Contains(w.Header().Get("Permissions-Policy"), "camera=(self)") || w.Header().Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", target, w.Header())
		}
		if strings.Contains(body, "<b>") || strings.Contains(body, "style=") || regexp.MustCompile(`<script>|\son\w+=`).MatchString(body) {
			t.Errorf("%s: markup or inline script in the page", target)
		}
		if pairing := strings.Contains(target, "abcd1234"); pairing != strings.Contains(body, "manifest?p=abcd1234") && pairing != strings.Contains(body, "manifest.webmanifest?p=abcd1234") {
			t.Errorf("%s: manifest link", target)
		}
	}
}

func TestACodeInTheAddressNeverBecomesMarkup(t *testing.T) {
	h := serve(t)
	for _, target := range []string{"/a/%22%3E%3Cimg%3E", "/app/?p=%22%3E%3Cimg%3E", "/app/manifest.webmanifest?p=%22%3E%3Cimg%3E"} {
		if body := get(h, target).Body.String(); strings.Contains(body, "<img") || strings.Contains(body, "?p=") {
			t.Errorf("%s: %s", target, body)
		}
	}
}

func TestTheManifestKeepsItsIdAndCarriesThePairingCode(t *testing.T) {
	h := serve(t)
	for target, start := range map[string]string{"/app/manifest.webmanifest": "/app/", "/app/manifest.webmanifest?p=abcd1234": "/app/?p=abcd1234"} {
		var m struct {
			ID      string `json:"id"`
			Start   string `json:"start_url"`
			Display string `json:"display"`
			Icons   []struct{ Src string }
		}
		w := get(h, target)
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.ID != "/app/" || m.Start != start || m.Display != "standalone" {
			t.Errorf("%s: %s", target, w.Body)
		}
		for _, icon := range m.Icons {
			if get(h, icon.Src).Code != 200 {
				t.Errorf("icon %s is missing", icon.Src)
			}
		}
	}
}

func TestTheWorkerKeepsEveryFileOfTheShell(t *testing.T) {
	h := serve(t)
	body := get(h, "/app/sw.js").Body.String()
	m := regexp.MustCompile(`const ASSETS = (\[.*?\]);`).FindStringSubmatch(body)
	var assets []string
	if m == nil || json.Unmarshal([]byte(m[1]), &assets) != nil {
		t.Fatal("no list of files in the worker")
	}
	kept := map[string]bool{}
	for _, a := range assets {
		kept[a] = true
		if w := get(h, a); w.Code != 200 {
			t.Errorf("%s: %d", a, w.Code)
		}
	}
	for _, imported := range regexp.MustCompile(`(?:from|import\() ?'\./(\w+\.js)'`).FindAllStringSubmatch(sources(t), -1) {
		if !kept["/app/"+imported[1]] {
			t.Errorf("%s is imported and not kept", imported[1])
		}
	}
}

func sources(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	names, err := fs.Glob(os.DirFS("assets"), "*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}

func TestTheShellStaysSmall(t *testing.T) {
	h := serve(t)
	total := get(h, "/app/").Body.Len()
	for _, m := range regexp.MustCompile(`"(/app/[\w./-]+\.(?:js|css))"`).FindAllStringSubmatch(get(h, "/app/sw.js").Body.String(), -1) {
		if !strings.HasSuffix(m[1], "/qr.js") {
			total += get(h, m[1]).Body.Len()
		}
	}
	if total > 96<<10 {
		t.Errorf("the shell has %d bytes before compression", total)
	}
}

// The catalogue has every key that the scripts use, and the scripts use every sentence.
func TestScriptsAndCatalogueAgree(t *testing.T) {
	code := sources(t)
	for _, m := range regexp.MustCompile(`\bt\('([\w.]+)'[,)]`).FindAllStringSubmatch(code, -1) {
		if !message.Has("phoneapp." + m[1]) {
			t.Errorf("phoneapp.%s is used and not in the catalogue", m[1])
		}
	}
	for key := range message.English().Under("phoneapp.") {
		name := strings.TrimPrefix(key, "phoneapp.")
		area, last, _ := strings.Cut(name, ".")
		built := map[string]bool{"request": true, "result": true, "diag": true, "install": true, "state": true}[area] // keys put together in the scripts
		if !strings.Contains(code, "'"+name+"'") && !(built && (strings.Contains(code, "'"+last+"'") || strings.Contains(code, "'"+area+".") || strings.Contains(code, "`"+area+"."))) && area != "name" && area != "short_name" && area != "description" && area != "noscript" && area != "skip" && area != "loading" {
			t.Errorf("%s is in the catalogue and never used", key)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	h := serve(t)
	for _, target := range []string{"/app/app.html", "/app/app.go", "/app/../app.go", "/app/package.json", "/app/nothing.js", "/a/b/c"} {
		if w := get(h, target); w.Code != 404 && w.Code/100 != 3 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestTheScriptsPassTheirOwnTests(t *testing.T) {
	out, err := exec.Command("node", "--test", "test/").CombinedOutput()
	if err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}
