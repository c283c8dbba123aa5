package notice

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"countersign/internal/base/message"
)

//go:embed mail.tmpl
var files embed.FS

var layout = template.Must(template.ParseFS(files, "mail.tmpl"))

// sheet is what the HTML twin of a mail shows.
type sheet struct {
	Lang, Dir    string
	Organization string
	Subject      string
	Paragraphs   []template.HTML
	Button, Link string
	LinkHint     string
	Never, From  string
}

// compose writes subject, text and HTML. The two bodies say the same.
func (d *Desk) compose(m Message, organization string, now time.Time) Letter {
	c := message.English()
	values := map[string]string{}
	for _, name := range arguments {
		values[name] = ""
	}
	values["organization"], values["time"] = d.clean(organization), d.clean(now)
	for i := 0; i+1 < len(m.Args); i += 2 {
		name := fmt.Sprint(m.Args[i])
		if name == "user" {
			name = "username"
		}
		values[name] = d.clean(m.Args[i+1])
	}
	key := "mail." + m.Kind
	plain, marked := fillers(values)
	s := sheet{
		Lang: c.Lang, Dir: c.Dir, Organization: values["organization"],
		Subject: plain.Replace(c.Text(key + ".subject")),
		Never:   c.Text("mail.never"),
		From:    plain.Replace(c.Text("mail.from", "address", host(d.publicURL))),
	}
	var paragraphs []string
	body := key + ".text"
	for _, name := range arguments { // a sentence about something that is not there
		if without := key + ".text.without_" + name; values[name] == "" && message.Has(without) {
			body = without
		}
	}
	for p := range strings.SplitSeq(c.Text(body), "\n\n") {
		paragraphs = append(paragraphs, plain.Replace(p))
		s.Paragraphs = append(s.Paragraphs, template.HTML(marked.Replace(template.HTMLEscapeString(p)))) // both halves are escaped
	}
	if m.Link != "" {
		s.Link, s.Button, s.LinkHint = m.Link, c.Text("mail.open"), c.Text("mail.link")
		if message.Has(key + ".button") {
			s.Button = c.Text(key + ".button")
		}
		paragraphs = append(paragraphs, s.Button+":\n"+m.Link)
	}
	text := strings.Join(append(paragraphs, "-- \n"+s.Never+"\n"+s.From), "\n\n") + "\n"
	var html bytes.Buffer
	if err := layout.Execute(&html, s); err != nil {
		html.Reset() // the text alone still says all
		d.logger.Error("mail layout", "kind", m.Kind, "error", err)
	}
	return Letter{To: m.To, Subject: s.Subject, Text: text, HTML: html.String()}
}

// fillers put values into {name}: as they are, and escaped for HTML.
func fillers(values map[string]string) (plain, marked *strings.Replacer) {
	var p, h []string
	for name, value := range values {
		p = append(p, "{"+name+"}", value)
		h = append(h, "{"+name+"}", "<bdi>"+template.HTMLEscapeString(value)+"</bdi>")
	}
	return strings.NewReplacer(p...), strings.NewReplacer(h...)
}

func host(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}
