package frame

import (
	"bytes"
	"io/fs"
	"testing"
	"time"

	"countersign/internal/flow/factor"
	"countersign/internal/site/control"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// A second factor of a device has its own row in both prompts, as its Page says, and no template knows it.
func TestASecondFactorOfADeviceShowsItself(t *testing.T) {
	first, second := factor.Page{Icon: "phone", Row: "ways.push", Frame: "frame.push"}, factor.Page{Icon: "lock", Row: "ways.code.app", Hint: "ways.desk.hint", Frame: "frame.more"}
	ways := []control.Row{{ID: "push:1", Device: "One", Asks: true, Page: first}, {ID: "push:2", Device: "Two", Asks: true, Page: first}, {ID: "key:2", Device: "Two", Asks: true, Page: second}}
	list := asks(ways, "key:2", "push:2")
	if len(list) != 2 || list[0].Selected != "push:2" || len(list[0].Ways) != 2 || list[1].Selected != "key:2" || list[1].Page != second {
		t.Fatalf("%+v", list)
	}
	if got := asks(ways, "push:1", "push:2")[0].Selected; got != "push:1" {
		t.Errorf("the request by push:1 selects %s", got)
	}
	assets, err := web.NewAssets(web.Static(), control.Files(), prompt.Files(), Files())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := web.New(web.Config{Assets: assets, Templates: []fs.FS{control.Files(), prompt.Files(), Files()}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	words := web.Words{}
	for _, page := range []web.Page{Prove{Asks: list}, prompt.Ways{Rows: ways}} {
		raw, err := pages.Render(words, page)
		if err != nil {
			t.Fatal(err)
		}
		key := second.Frame
		if _, ok := page.(prompt.Ways); ok {
			key = second.Row
		}
		if !bytes.Contains(raw, []byte(`name="device" value="key:2"`)) || !bytes.Contains(raw, []byte("<b>"+words.T(key)+"</b>")) {
			t.Errorf("%T does not show it:\n%s", page, raw)
		}
	}
}
