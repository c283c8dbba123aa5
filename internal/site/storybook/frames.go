package storybook

import (
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/site/control"
	"countersign/internal/site/frame"
	"countersign/internal/site/web"
)

// framed is the base of the pages in a frame: Ana at the benefits page, which shows the traditional prompt.
func framed() frame.Base {
	return frame.Base{Home: "/frame/abc", Devices: true, Leave: true, Base: control.Base{Org: web.Org{Name: "Northfield University"}, App: "Benefits", User: "ana",
		Help: web.Help{Text: "IT desk 555-0100"}, FormToken: "token"}}
}

// frames lists the traditional prompt in its states, and then the device pages that it opens.
func frames() []Story {
	// ask is the row of a request to one of some devices.
	ask := func(selected string, devices ...string) []frame.Ask {
		a := frame.Ask{Page: asks(selected).Page, Selected: asks(selected).ID}
		for _, d := range devices {
			a.Ways = append(a.Ways, asks(d))
		}
		return []frame.Ask{a}
	}
	prove := frame.Prove{Base: framed(), Path: "/frame/abc", Asks: ask(anas, anas), Kinds: []string{"app", "help"}, Version: 1}
	// with is the prompt with one change, bar the prompt with a line of progress, and section the prompt that asks for a
	// proof before one of the device pages.
	with := func(change func(*frame.Prove)) frame.Prove { p := prove; change(&p); return p }
	bar := func(b frame.Bar) frame.Prove { return with(func(p *frame.Prove) { p.Bar = &b }) }
	section := func(s frame.Section) frame.Prove {
		return with(func(p *frame.Prove) { p.Section, p.Path = s, "/frame/abc/"+string(s) })
	}
	off := framed()
	off.Devices = false
	alone := off // a page of its own, after the frame was closed
	alone.Alone, alone.App, alone.Leave = true, "", false
	out := []Story{
		{"frame-prompt", prove},
		{"frame-prompt-closing", with(func(p *frame.Prove) {
			p.Ending = &web.Ending{Until: Now.Add(55 * time.Second), Path: "/frame/abc/keep", Token: "token"}
			p.Bar = &frame.Bar{Tone: frame.Going, Line: "Request sent to Ana's phone.", Cancel: true}
		})},
		{"frame-prompt-devices", with(func(p *frame.Prove) { p.Asks = ask(tablet, anas, tablet, long) })},
		{"frame-prompt-code", with(func(p *frame.Prove) { p.CodeOpen = true })},
		{"frame-prompt-code-wrong", with(func(p *frame.Prove) {
			p.CodeOpen, p.Err = true, errs.New(errs.Denied, "code.wrong")
			p.Bar = &frame.Bar{Tone: frame.Bad, Line: "That code did not work. Use the newest code, and each code only once."}
		})},
		{"frame-prompt-waiting", bar(frame.Bar{Tone: frame.Going, Line: "Request sent to Ana's phone.", Hint: "Delivered at 14:02:11. Open until 14:03:11.", Cancel: true})},
		{"frame-prompt-number", bar(frame.Bar{Tone: frame.Going, Line: "Request sent to Ana's phone. Type this number in the app:", Number: "417",
			Hint: "The request waits in the app on Ana's phone. Open the app there.", Cancel: true})},
		{"frame-prompt-denied", bar(frame.Bar{Tone: frame.Bad, Line: "The request was turned down on Ana's phone. If that was a mistake, send it again.", Again: asks(anas).ID})},
		{"frame-prompt-approved", bar(frame.Bar{Tone: frame.Good, Line: "Approved on Ana's phone."})},
		{"frame-prompt-remember", with(func(p *frame.Prove) { p.Remember = &control.Remember{Days: 30, Checked: true} })},
		{"frame-prompt-paused", with(func(p *frame.Prove) { p.Asks, p.CodeOpen, p.Notice = nil, true, errs.New(errs.Limited, "push.storm") })},
		{"frame-prompt-restricted", with(func(p *frame.Prove) {
			p.Asks, p.CodeOpen, p.Kinds, p.Notice = nil, true, []string{"help"}, errs.New(errs.Forbidden, "way.none")
		})},
		{"frame-prompt-weak", with(func(p *frame.Prove) {
			p.CodeOpen, p.Err = true, errs.New(errs.Forbidden, "proof.weak")
		})},
		{"frame-prompt-no-self-service", with(func(p *frame.Prove) { p.Base = off })},
		{"frame-verify-add", section(frame.Add)}, {"frame-verify-settings", section(frame.Settings)},
		{"frame-refused", frame.Refused{Base: off, Err: errs.New(errs.Forbidden, "user.locked.until").Arg("time", Now.Add(30*time.Minute)), Reference: "Q7KX-44M8"}},
		{"frame-spare", frame.Spare{Base: framed(), Required: true}},
		{"frame-recovered", frame.Recovered{Base: framed()}}, {"frame-spare-remind", frame.Spare{Base: framed(), Left: 2}},
		{"frame-answer", frame.Answer{Base: off, Text: "AUTH|x|y", Parent: "https://benefits.example.edu"}},
		{"frame-answer-failed", frame.Answer{Base: off, Text: "ERR|x", Parent: "https://benefits.example.edu", Failed: true}},
		{"frame-closed", frame.Closed{Base: alone}},
	}
	return append(out, lists()...)
}

// lists are the device pages in the frame: the list, renaming and removing.
func lists() []Story {
	b := framed()
	b.Section = frame.Settings
	items := []frame.Item{
		{ID: "p1", Name: anas, Kind: "phone", Model: "Pixel 8 · Android", Number: "+1 858-534-2230", Active: true, Default: true},
		{ID: "p2", Name: tablet, Kind: "tablet", Model: "iPad", Active: true, Fresh: true},
		{ID: "p4", Name: long, Kind: "phone", Number: "+44 20 7946 0018"},
	}
	list := frame.List{Base: b, Path: "/frame/abc/my/def", Name: "Ana Ruiz", Items: items, CanAdd: true, Default: "p1", CanPush: true}
	// After a device was added, and with one device only, which may be asked without a choice.
	added, one := list, list
	added.Done, added.Device = "added", tablet
	one.Items, one.Auto, one.Done = items[:1], true, "saved"
	device := frame.Rename{Base: b, Path: list.Path, ID: "p1", Name: anas, Was: anas}
	wrong := device
	wrong.Err = errs.New(errs.Invalid, "device.name")
	return []Story{{"frame-devices", list}, {"frame-devices-added", added}, {"frame-devices-one", one},
		{"frame-rename", device}, {"frame-rename-mistake", wrong},
		{"frame-remove", frame.Remove{Base: b, Path: list.Path, ID: "p2", Name: tablet}},
		{"frame-remove-signed-in", frame.Remove{Base: b, Path: list.Path, ID: "p1", Name: anas, SignedIn: true}},
		{"frame-remove-last", frame.Remove{Base: b, Path: list.Path, ID: "p1", Name: anas, Last: true}}}
}

// wizards are the steps by which the traditional prompt, or an enrollment link, sets up a device.
func wizards() []Story {
	b := framed()
	b.Devices = false
	step := frame.Step{Base: b, Path: "/frame/abc/setup", Setting: frame.FirstDevice}
	on := step // a step after the first: it leads back, and its address carries the choices so far
	on.Back, on.Choices = "/frame/abc/setup/type", "?type=mobile"
	countries := []frame.Country{{Code: "CA", Name: "Canada", Calling: "+1"}, {Code: "GB", Name: "United Kingdom", Calling: "+44"}, {Code: "US", Name: "United States", Calling: "+1"}}
	number := frame.Number{Step: on, Countries: countries, Country: "US"}
	// A number that is not valid, one that was not confirmed, and one of a device that the person has already.
	wrong, unsure, taken := number, number, number
	wrong.Typed, wrong.Err = "555", errs.New(errs.Invalid, "number.invalid")
	unsure.Typed, unsure.SureErr = "(858) 534-2230", true
	taken.Typed, taken.Sure, taken.Taken = "(858) 534-2230", true, &frame.Device{ID: "p1", Name: anas}
	// A tablet, which has no number; and a device whose app is set up again.
	tabletStep, again := on, on
	tabletStep.Tablet = true
	again.Setting, again.Device, again.Base = frame.Reconnect, anas, framed()
	activate := frame.Activate{Step: on, Link: "https://mfa.example.edu/a/K7PQ2M4R9TXW", Code: "K7PQ-2M4R", Address: "mfa.example.edu/a", Token: "DV1", Until: Now.Add(10 * time.Minute)}
	// Continue pressed before the app was activated, the link mailed, the app activated; and for an app that is set up
	// again, with one that still works and with one that does not.
	early, sent, done, replace, revive := activate, activate, activate, activate, activate
	early.Early, sent.SentTo, replace.Step = true, "a…@example.edu", again
	revive.Step, replace.Works = again, true
	done.Done, done.Back = true, ""
	linked := activate // opened from an enrollment link, without an application around it
	linked.Base.Alone, linked.Base.App, linked.Base.Leave = true, "", false
	linkedType := frame.Kind{Step: linked.Step, Type: "mobile"}
	linkedType.Back = ""
	finish := frame.Finish{Step: step, CanPush: true, Items: []frame.Item{{ID: "p1", Name: anas, Kind: "phone", Number: "+1 858-534-2230", Active: true}}}
	finish.Devices = true
	link := finish // the end after an enrollment link
	link.LinkOnly, link.Base = true, linked.Base
	return []Story{
		{"setup-welcome", frame.Welcome{Step: step}}, {"setup-type", frame.Kind{Step: step, Type: "mobile"}},
		{"setup-number", number}, {"setup-number-mistake", wrong}, {"setup-number-unsure", unsure}, {"setup-number-taken", taken},
		{"setup-platform", frame.Platform{Step: on}}, {"setup-platform-tablet", frame.Platform{Step: tabletStep}},
		{"setup-platform-other", frame.Platform{Step: on, Platform: "other", Stop: true}}, {"setup-platform-again", frame.Platform{Step: again}},
		{"setup-install", frame.Install{Step: on, Platform: "android", Address: "mfa.example.edu/app", Link: "https://mfa.example.edu/app"}},
		{"setup-install-ios", frame.Install{Step: on, Platform: "ios", Address: "mfa.example.edu/app", Link: "https://mfa.example.edu/app"}},
		{"setup-activate", activate}, {"setup-activate-early", early}, {"setup-activate-mailed", sent}, {"setup-activate-done", done}, {"setup-activate-replace", replace}, {"setup-activate-revive", revive},
		{"setup-type-link", linkedType}, {"setup-activate-link", linked},
		{"setup-mail", frame.Mail{Step: on}}, {"setup-mail-mistake", frame.Mail{Step: on, Typed: "ana.example", Err: errs.New(errs.Invalid, "mail.address")}},
		{"setup-finish", finish}, {"setup-finish-link", link},
	}
}
