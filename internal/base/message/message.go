// Package message is the catalogue of everything a person reads. Under locales/ stands a folder for each
// language, with a file for each area of the product. Keys are dotted by place ("push.title"); values may hold
// {name} placeholders. English is complete. A key that another language lacks falls back to English.
package message

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"
)

//go:embed locales/*/*.json
var files embed.FS

// Catalogue holds the sentences of one language.
type Catalogue struct {
	Lang string // BCP 47
	Dir  string // "ltr" or "rtl"
	text map[string]string
}

// rightToLeft lists languages that are written from right to left. A catalogue that is added later finds its
// direction here.
var rightToLeft = map[string]bool{"ar": true, "fa": true, "he": true, "ur": true}

var catalogues = load()

func load() map[string]*Catalogue {
	all := map[string]*Catalogue{}
	names, err := files.ReadDir("locales")
	if err != nil {
		panic(err)
	}
	for _, entry := range names {
		c := &Catalogue{Lang: entry.Name(), Dir: "ltr", text: map[string]string{}}
		if rightToLeft[c.Lang] {
			c.Dir = "rtl"
		}
		areas, err := files.ReadDir(path.Join("locales", c.Lang))
		if err != nil {
			panic(err)
		}
		for _, area := range areas {
			name := path.Join("locales", c.Lang, area.Name())
			raw, err := files.ReadFile(name)
			if err != nil {
				panic(err)
			}
			part := map[string]string{}
			if err := json.Unmarshal(raw, &part); err != nil {
				panic(fmt.Errorf("catalogue %s: %w", name, err))
			}
			for key, text := range part {
				if _, twice := c.text[key]; twice {
					panic(fmt.Errorf("catalogue %s: key %s stands in two files", name, key))
				}
				c.text[key] = text
			}
		}
		all[c.Lang] = c
	}
	return all
}

// English returns the one catalogue that has every key.
func English() *Catalogue { return catalogues["en"] }

// For picks the catalogue for an Accept-Language header (RFC 9110 12.5.4), in the order of the header and
// without its weights. It returns English when none fits.
func For(acceptLanguage string) *Catalogue {
	for _, part := range strings.Split(acceptLanguage, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if c := catalogues[base]; c != nil {
			return c
		}
	}
	return English()
}

// Text returns the sentence for key. pairs alternates names and values, which fill the placeholders.
// An unknown key shows as itself in ⟦brackets⟧, which the tests look for.
func (c *Catalogue) Text(key string, pairs ...any) string {
	t, ok := c.text[key]
	if !ok {
		if t, ok = catalogues["en"].text[key]; !ok {
			return "⟦" + key + "⟧"
		}
	}
	if len(pairs) == 0 {
		return t
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(old...).Replace(t)
}

// Has reports whether the English catalogue holds key.
func Has(key string) bool { _, ok := catalogues["en"].text[key]; return ok }

// Keys lists the English keys in order.
func Keys() []string {
	keys := make([]string, 0, len(catalogues["en"].text))
	for k := range catalogues["en"].text {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Under returns every sentence whose key starts with prefix, by key, for pages that render in the browser.
func (c *Catalogue) Under(prefix string) map[string]string {
	out := map[string]string{}
	for _, k := range Keys() {
		if strings.HasPrefix(k, prefix) {
			out[k] = c.Text(k)
		}
	}
	return out
}
