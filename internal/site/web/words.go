package web

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"countersign/internal/base/message"
)

// Words writes sentences for one person, in the language of the browser and the time zone of the organization. The zero
// value writes English in UTC.
type Words struct {
	Catalogue *message.Catalogue // nil: English
	Zone      *time.Location     // nil: UTC
	Now       time.Time          // the time of this answer, for "today" and remaining seconds
}

func (w Words) catalogue() *message.Catalogue {
	if w.Catalogue == nil {
		return message.English()
	}
	return w.Catalogue
}

func (w Words) in(t time.Time) time.Time {
	if w.Zone == nil {
		return t.UTC()
	}
	return t.In(w.Zone)
}

// T returns the sentence for key as HTML. pairs alternates names and values. A value is escaped and stands in <bdi>, so
// that a name in another script cannot reverse the sentence. A time.Time becomes a <time> with its clock time.
// template.HTML, as T, Clock or Seconds make it, is inserted as it is.
func (w Words) T(key string, pairs ...any) template.HTML {
	text := template.HTMLEscapeString(w.catalogue().Text(key))
	if len(pairs) == 0 {
		return template.HTML(text)
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, "{"+fmt.Sprint(pairs[i])+"}", w.part(pairs[i+1]))
	}
	return template.HTML(strings.NewReplacer(old...).Replace(text)) // every part is escaped above
}

// part returns a value as T inserts it.
func (w Words) part(value any) string {
	switch v := value.(type) {
	case template.HTML:
		return string(v)
	case time.Time:
		return string(w.Clock(v))
	case int:
		return strconv.Itoa(v)
	default:
		return "<bdi>" + template.HTMLEscapeString(fmt.Sprint(v)) + "</bdi>"
	}
}

// S returns the sentence for key as plain text, for titles, attributes and JSON.
func (w Words) S(key string, pairs ...any) string {
	plain := make([]any, len(pairs))
	copy(plain, pairs)
	for i := 1; i < len(plain); i += 2 {
		if t, ok := plain[i].(time.Time); ok {
			plain[i] = w.ClockText(t)
		}
	}
	return w.catalogue().Text(key, plain...)
}

// N is T with the count n as {n}. For one it uses key+".one".
func (w Words) N(key string, n int, pairs ...any) template.HTML {
	if n == 1 {
		key += ".one"
	}
	return w.T(key, append([]any{"n", n}, pairs...)...)
}

// Has reports whether the catalogue has key.
func (w Words) Has(key string) bool { return message.Has(key) }

// ClockText returns a time as plain text: 14:32, with the day in front when it is not today.
func (w Words) ClockText(t time.Time) string {
	if w.sameDay(t, w.Now) || w.Now.IsZero() {
		return w.in(t).Format("15:04")
	}
	return w.dayText(t) + ", " + w.in(t).Format("15:04")
}

// Clock is ClockText inside a machine-readable <time>.
func (w Words) Clock(t time.Time) template.HTML { return stamp(t, w.ClockText(t)) }

// Seconds is the time of day with seconds inside a <time>: 14:02:11.
func (w Words) Seconds(t time.Time) template.HTML { return stamp(t, w.in(t).Format("15:04:05")) }

// Day is the date inside a <time>, without the year when it is this year.
func (w Words) Day(t time.Time) template.HTML { return stamp(t, w.dayText(t)) }

// Ago says inside a <time> how long ago t was: now, 5 min ago, 09:14 today, yesterday, 3 May.
func (w Words) Ago(t time.Time) template.HTML {
	switch d := w.Now.Sub(t); {
	case d < time.Minute:
		return stamp(t, w.S("time.now"))
	case d < time.Hour:
		return stamp(t, w.S("time.minutes", "n", int(d/time.Minute)))
	case w.sameDay(t, w.Now):
		return stamp(t, w.S("time.today", "time", w.in(t).Format("15:04")))
	case w.sameDay(t.AddDate(0, 0, 1), w.Now):
		return stamp(t, w.S("time.yesterday"))
	}
	return w.Day(t)
}

// Left returns the whole seconds from Now until t, never below zero.
func (w Words) Left(t time.Time) int { return max(0, int(t.Sub(w.Now)/time.Second)) }

func (w Words) dayText(t time.Time) string {
	local := w.in(t)
	text := strconv.Itoa(local.Day()) + " " + w.S("time.month."+strconv.Itoa(int(local.Month())))
	if local.Year() != w.in(w.Now).Year() {
		text += " " + strconv.Itoa(local.Year())
	}
	return text
}

func (w Words) sameDay(a, b time.Time) bool {
	ay, am, ad := w.in(a).Date()
	by, bm, bd := w.in(b).Date()
	return ay == by && am == bm && ad == bd
}

func stamp(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// List joins names as in a sentence: "a", "a or b", "a, b or c".
func (w Words) List(names []string) template.HTML {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = "<bdi>" + template.HTMLEscapeString(n) + "</bdi>"
	}
	if len(parts) < 2 {
		return template.HTML(strings.Join(parts, ""))
	}
	last := len(parts) - 1
	return template.HTML(strings.Join(parts[:last], ", ")+" ") + template.HTML(template.HTMLEscapeString(w.S("list.or"))+" "+parts[last])
}

// SecondsText is the time of day with seconds as plain text.
func (w Words) SecondsText(t time.Time) string { return w.in(t).Format("15:04:05") }
