package storybook

import (
	"slices"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/flow/factor"
	"countersign/internal/site/control"
	"countersign/internal/site/portal"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// base is what every page of the prompt has here: Ana signs in to Payroll.
func base() prompt.Base {
	return prompt.Base{LoginPath: "/prompt/abc", Devices: true, Base: control.Base{Org: web.Org{Name: "Northfield University"}, App: "Payroll", User: "ana",
		Help: web.Help{Text: "IT desk 555-0100"}, FormToken: "token", FormTargets: []string{"https://payroll.example.edu"}}}
}

// The devices of the stories. The name of long is as long as names may be, to show where pages break it.
const (
	anas   = "Ana's phone"
	tablet = "Kitchen tablet"
	desk   = "Office computer"
	long   = "Anastasia-Wilhelmina's second-hand telephone Nr 7"
)

// The rows of the stories, as the factors show them: a request to a device, a code of its app, a code of the help desk.
func asks(device string) control.Row  { return row("push", device) }
func types(device string) control.Row { return row("passcode", device) }

func row(method, device string) control.Row {
	return control.RowOf(factor.Way{ID: method + ":" + device, Method: method, Device: device})
}

var helpDesk = control.Row{Page: factor.ByName("bypass").Page}

// Stories lists every page in every state, in the order of the index. A new page or state is added to the function of
// its part; the names are addresses and must be unique.
func Stories() []Story {
	var all []Story
	all = append(all, pushes()...)
	all = append(all, codesAndWays()...)
	all = append(all, pairings()...)
	all = append(all, afterwards()...)
	all = append(all, refusals()...)
	all = append(all, portals()...)
	all = append(all, frames()...)
	return append(all, wizards()...)
}

// pushes are the page that waits for the phone, in every state of the request.
func pushes() []Story {
	push := func(state control.RequestState) prompt.Push {
		return prompt.Push{Base: base(), Way: asks(anas).ID, Device: anas, Number: "417", State: state, Version: 1,
			Until: Now.Add(52 * time.Second), DeliveredAt: Now.Add(-19 * time.Second), Code: true}
	}
	var out []Story
	for _, s := range []control.RequestState{control.Sent, control.Delivered, control.Unreachable,
		control.Denied, control.Reported, control.WrongNumber, control.TimedOut} {
		out = append(out, Story{"push-" + string(s), push(s)})
	}
	plain := push(control.Sent)
	plain.Number = ""
	rich := push(control.Delivered)
	rich.Number, rich.Device = "417902", long
	rich.Others = []control.Row{asks(tablet), asks(desk)}
	rich.Remember = &control.Remember{Days: 30}
	first := push(control.Sent)
	first.Purpose, first.Code = prompt.FirstRequest, false
	proof := push(control.Sent)
	proof.Purpose, proof.Path = prompt.ManageDevices, "/prompt/abc/verify"
	closed := push(control.Sent)
	closed.Devices, closed.Code = false, false
	closing, last := push(control.Delivered), push(control.Delivered)
	closing.Ending = &web.Ending{Until: Now.Add(55 * time.Second), Path: "/prompt/abc/keep", Token: "token"}
	last.Ending = &web.Ending{Until: Now.Add(55 * time.Second)}
	out = append(out, Story{"push-closing", closing}, Story{"push-closing-last", last})
	return append(out, Story{"push-plain", plain}, Story{"push-everything", rich}, Story{"push-first", first},
		Story{"push-proof", proof}, Story{"push-no-self-service", closed})
}

// codesAndWays are the code page and the list of ways to prove it is you, in a sign-in and before a change of devices.
func codesAndWays() []Story {
	ask := asks(anas)
	code := prompt.Code{Base: base(), Kinds: []string{"app", "help"}, Ask: &ask}
	wrong := code
	wrong.Err = errs.New(errs.Denied, "code.wrong")
	off := code
	off.Err = errs.New(errs.Denied, "code.off").Arg("device", anas)
	kept := code
	kept.Remember = &control.Remember{Days: 1, Checked: true}
	help := prompt.Code{Base: base(), Err: errs.New(errs.Denied, "code.text").Arg("digit", 4)}
	proof := code
	proof.Purpose = prompt.NewPhone
	ways := prompt.Ways{Base: base(), Back: true,
		Rows: []control.Row{asks(anas), asks(tablet), asks(desk), asks(long), types(anas), types(long), helpDesk}}
	few := prompt.Ways{Base: base(), Rows: []control.Row{asks(anas), types(anas), helpDesk}}
	few.Devices = false
	// The same list before a change of devices, before a new phone is paired, and for somebody without any way.
	devices, phone, none := few, few, prompt.Ways{Base: base(), Rows: []control.Row{helpDesk}, Purpose: prompt.NewPhone}
	devices.Purpose, phone.Purpose = prompt.ManageDevices, prompt.NewPhone
	return []Story{{"code", code}, {"code-wrong", wrong}, {"code-off", off}, {"code-remember", kept}, {"code-help-only", help}, {"code-proof", proof},
		{"ways", ways}, {"ways-few", few}, {"verify-devices", devices}, {"verify-new-phone", phone}, {"verify-none", none}}
}

// pairings are the page with the QR code: for the first phone, a further one, another phone and the app again.
func pairings() []Story {
	pair := control.Pairing{Base: base().Base, Path: "/prompt/abc/enroll", Setting: control.FirstPhone, Link: "https://mfa.example.edu/a/K7PQ2M4R9TXW",
		Code: "K7PQ-2M4R", Address: "mfa.example.edu/a", State: control.PairWaiting, Version: 1, Until: Now.Add(10 * time.Minute),
		Mail: control.PairMail{Offered: true}}
	done, expired, mailed, badMail, add, replace, connect := pair, pair, pair, pair, pair, pair, pair
	done.State, expired.State = control.PairDone, control.PairExpired
	mailed.Mail.SentTo = "a…@example.edu"
	badMail.Mail = control.PairMail{Offered: true, Address: "ana.example", Err: errs.New(errs.Invalid, "mail.address")}
	add.Setting, add.Path, add.Back = control.AddPhone, "/portal/pair", web.Link{Text: "Back to my devices", Path: "/portal"}
	add.App, add.Mail.Offered = "", false
	replace.Setting, replace.Device = control.ReplacePhone, anas
	connect.Setting, connect.Device = control.ConnectApp, anas
	return []Story{{"enroll", pair}, {"enroll-done", done}, {"enroll-expired", expired},
		{"enroll-mailed", mailed}, {"enroll-mail-mistake", badMail}, {"pair-add", add}, {"pair-new-phone", replace}, {"pair-connect", connect}}
}

// afterwards are the pages between the proof and the way back to the application.
func afterwards() []Story {
	off := base()
	off.Devices = false
	return []Story{
		{"spare", prompt.Spare{Base: base(), Device: anas, Left: 2}}, {"spare-last", prompt.Spare{Base: base(), Left: 0}},
		{"spare-one-left", prompt.Spare{Base: base(), Left: 1}}, {"spare-required", prompt.Spare{Base: base(), Device: anas, Required: true}},
		{"recovered", prompt.Recovered{Base: base()}}, {"recovered-no-self-service", prompt.Recovered{Base: off}},
	}
}

// refusals are the pages that end a sign-in, and the message pages for errors outside of one.
func refusals() []Story {
	until := errs.New(errs.Denied, "user.locked.until").Arg("time", Now.Add(30*time.Minute))
	refused := func(e *errs.Error) prompt.Refused {
		return prompt.Refused{Base: base(), Err: e, Reference: "Q7KX-44M8"}
	}
	// No way to prove anything is left, but a code of the help desk works.
	none := refused(errs.New(errs.Forbidden, "way.none"))
	none.CodeField, none.Kinds = true, []string{"help"}
	off := refused(errs.New(errs.NotFound, "portal.off"))
	off.Actions = []web.Link{{Text: "Back to sign-in", Path: "/prompt/abc"}}
	// Ways in there are, and none is enough for the device pages.
	weak := none
	weak.Err = errs.New(errs.Forbidden, "way.weak")
	codes := none
	codes.Err = errs.New(errs.Forbidden, "way.codes_off")
	out := []Story{{"refused-locked-until", refused(until)}, {"refused-no-way", none}, {"refused-weak", weak}, {"refused-codes-off", codes}, {"refused-portal-off", off}}
	// One story for every other reason, named after its code.
	for _, e := range []*errs.Error{
		errs.New(errs.Denied, "user.disabled"), errs.New(errs.Denied, "user.locked"), errs.New(errs.Denied, "user.trash"),
		errs.New(errs.Denied, "user.unenrolled"), errs.New(errs.Denied, "user.denied"), errs.New(errs.Denied, "user.lost"), errs.New(errs.Denied, "user.codes"),
		errs.New(errs.Denied, "way.denied"), errs.New(errs.Forbidden, "login.changed"), errs.New(errs.Denied, "way.location"),
		errs.New(errs.Gone, "login.stale"), errs.New(errs.Gone, "login.done"), errs.New(errs.Unproved, "login.cookie"),
		errs.New(errs.Gone, "enrollment.expired"), errs.New(errs.Gone, "enrollment.used"), errs.New(errs.Gone, "enrollment.revoked"),
		errs.New(errs.Gone, "activation.expired"), errs.New(errs.Gone, "activation.used"),
	} {
		out = append(out, Story{"refused-" + e.Code, refused(e)})
	}
	// Errors outside of a sign-in: the page has the organization around it and no application.
	around := web.Frame{Org: base().Org, Help: base().Help}
	for _, e := range []*errs.Error{
		errs.New(errs.Invalid, "request.invalid"), errs.New(errs.Forbidden, "request.stale"), errs.New(errs.NotFound, "notfound"),
		errs.New(errs.Internal, "internal"), errs.New(errs.Unavailable, "unavailable"), errs.New(errs.Limited, "rate.limit"),
	} {
		out = append(out, Story{"message-" + e.Code, web.Message{Around: around, Err: e, Reference: "Q7KX-44M8"}})
	}
	return out
}

// portals are the pages on which a person looks after devices and remembered browsers.
func portals() []Story {
	b := portal.Base{Base: base().Base, Path: "/portal", Back: web.Link{Text: "Back to sign-in", Path: "/prompt/abc"}}
	cards := []portal.Card{
		{ID: "p1", Name: anas, Kind: "phone", Model: "Pixel 8 · Android 15", State: portal.Active, AddedAt: Now.AddDate(0, -3, 0), UsedAt: Now.Add(-2 * time.Minute)},
		{ID: "p2", Name: tablet, Kind: "tablet", Model: "iPad", State: portal.AlertsOff, AddedAt: Now.AddDate(-1, 0, 0), UsedAt: Now.AddDate(0, 0, -1)},
		{ID: "p3", Name: desk, Kind: "computer", State: portal.Active, AddedAt: Now, Fresh: true},
		{ID: "p4", Name: long, Kind: "phone", State: portal.NotActivated, AddedAt: Now.AddDate(0, 0, -9)},
	}
	alone := base()
	alone.App = "" // the portal by itself, outside a sign-in
	list := portal.Devices{Base: b, Name: "Ana Ruiz", Cards: cards, CanAdd: true}
	// One device, no device, and the notices after each change.
	one, none, added := list, list, list
	one.Cards, one.OneWay = cards[:1], true
	none.Cards, none.Name = nil, ""
	added.Notice = &portal.Notice{Kind: portal.Added, Device: desk}
	removed, renamed, replaced := list, list, list
	removed.Notice = &portal.Notice{Kind: portal.Removed, Device: tablet}
	renamed.Notice = &portal.Notice{Kind: portal.Renamed, Device: "Ana's new phone"}
	replaced.Notice, replaced.CanAdd = &portal.Notice{Kind: portal.Replaced, Device: anas}, false
	same := list
	same.Cards = slices.Clone(cards[:3])
	same.Cards[2].SameAs = anas
	known := added
	known.Browsers = []portal.Browser{
		{ID: "DR1", Name: "Firefox on Linux", Application: "Payroll", Since: Now.AddDate(0, 0, -12), Used: Now.Add(-3 * time.Hour), Until: Now.AddDate(0, 0, 18), Here: true},
		{ID: "DR2", Name: "Safari on iOS", Application: long, Since: Now.AddDate(0, 0, -2), Used: Now.AddDate(0, 0, -1), Until: Now.AddDate(0, 0, 28)},
		{ID: "DR3", Application: "Library", Since: Now, Until: Now.AddDate(0, 0, 1)},
	}
	// A minute before the session ends, with and without more time to give.
	closing, last := one, added
	closing.Ending = &web.Ending{Until: Now.Add(55 * time.Second), Path: "/portal/keep", Token: "token"}
	last.Ending = &web.Ending{Until: Now.Add(55 * time.Second)}
	return []Story{
		{"devices", list}, {"devices-closing", closing}, {"devices-closing-last", last}, {"devices-browsers", known}, {"devices-one", one}, {"devices-same", same}, {"devices-none", none}, {"devices-added", added}, {"devices-removed", removed},
		{"devices-renamed", renamed}, {"devices-replaced", replaced},
		{"device-replaced", portal.Switched{Base: portal.Base{Base: base().Base, Back: web.Link{Text: "Continue to Payroll", Path: "/prompt/abc"}}, Device: anas}},
		{"device-rename", portal.Rename{Base: b, ID: "p1", Name: anas, Was: anas}},
		{"device-rename-mistake", portal.Rename{Base: b, ID: "p1", Was: long, Err: errs.New(errs.Invalid, "device.name.empty")}},
		{"device-remove", portal.Remove{Base: b, ID: "p2", Name: tablet}},
		{"device-remove-signed-in", portal.Remove{Base: b, ID: "p1", Name: anas, SignedIn: true}},
		{"device-remove-last", portal.Remove{Base: b, ID: "p1", Name: anas, Last: true}},
		{"portal-idle", prompt.Refused{Base: alone, Err: errs.New(errs.Unproved, "portal.idle")}},
		{"portal-once", prompt.Refused{Base: alone, Err: errs.New(errs.Unproved, "portal.once"), Actions: []web.Link{{Text: "Back to my devices", Path: "/portal"}}}},
	}
}
