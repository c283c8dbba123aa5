package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed *.tmpl
var shared embed.FS

//go:embed static
var static embed.FS

// Static holds the files that all sites share: style sheet, icons and script modules.
func Static() fs.FS {
	sub, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is embedded; a missing one does not compile
	}
	return sub
}

// kinds are the media types of the files that are served, by extension. Other files (templates, Go) are not served.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json",
}

// Assets is a set of static files. Their addresses contain a hash of the content, so that browsers may keep them
// forever. It is safe for concurrent use.
type Assets struct {
	byName map[string]string // push.js -> /static/push.1a2b3c4d5e.js
	byPath map[string]asset
}

// asset is one file; zip is its gzip form, nil when that would not be smaller.
type asset struct {
	media      string
	plain, zip []byte
}

// NewAssets reads every style sheet, script, picture and manifest of the folders. The same name in two folders is an
// error. "./x.js" in a script, as in an import, is replaced by the address with the hash.
func NewAssets(folders ...fs.FS) (*Assets, error) {
	raw := map[string][]byte{}
	for _, folder := range folders {
		entries, err := fs.ReadDir(folder, ".")
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if kinds[path.Ext(e.Name())] == "" {
				continue
			}
			if raw[e.Name()] != nil {
				return nil, fmt.Errorf("asset %s stands in two folders", e.Name())
			}
			if raw[e.Name()], err = fs.ReadFile(folder, e.Name()); err != nil {
				return nil, err
			}
		}
	}
	if tokens, style := raw["tokens.css"], raw["style.css"]; tokens != nil && style != nil {
		raw["style.css"] = append(append([]byte{}, tokens...), style...) // one request instead of two
	}
	a := &Assets{byName: map[string]string{}, byPath: map[string]asset{}}
	for name := range raw {
		a.add(raw, name, 0)
	}
	return a, nil
}

// add adds one file, after the files that it imports, because their addresses are part of its content.
func (a *Assets) add(raw map[string][]byte, name string, depth int) {
	if a.byName[name] != "" || depth > 8 {
		return
	}
	data := raw[name]
	if path.Ext(name) == ".js" {
		for other := range raw {
			quoted := []byte(`"./` + other + `"`)
			if other != name && bytes.Contains(data, quoted) {
				a.add(raw, other, depth+1)
				data = bytes.ReplaceAll(data, quoted, []byte(`"`+a.byName[other]+`"`))
			}
		}
	}
	sum := sha256.Sum256(data)
	ext := path.Ext(name)
	hashed := "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:5]) + ext
	a.byName[name] = hashed
	a.byPath[hashed] = asset{media: kinds[ext], plain: data, zip: squeeze(data, ext)}
}

// squeeze compresses a file, unless its format is compressed already.
func squeeze(data []byte, ext string) []byte {
	if ext == ".png" {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	z.Write(data) // into memory: cannot fail
	z.Close()
	return b.Bytes()
}

// Path returns the address of the file called name. The error says that there is none.
func (a *Assets) Path(name string) (string, error) {
	if p := a.byName[name]; p != "" {
		return p, nil
	}
	return "", fmt.Errorf("no static file %s", name)
}

// Bytes returns the content that is served for name, nil when there is no such file. The caller must not change it.
func (a *Assets) Bytes(name string) []byte { return a.byPath[a.byName[name]].plain }

// ServeHTTP answers GET and HEAD under /static/, with a year of caching.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if f.zip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body) // the browser may have gone
	}
}
