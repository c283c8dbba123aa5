package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
)

// Options say where the demo runs. The zero value is good.
type Options struct {
	Listen  string       // address of the pages, "" = 127.0.0.1:8080; port 0 takes a free one
	DataDir string       // kept between runs; "" = a new folder that is removed at the end
	Environ []string     // COUNTERSIGN_ variables that override the written configuration, as os.Environ gives them
	JSON    bool         // one line of JSON when ready instead of words for people
	Out     io.Writer    // nil: nothing is said
	Log     *slog.Logger // nil: nothing is logged

	Now  func() time.Time // nil: the machine's clock
	Rand io.Reader        // nil: the system's randomness
}

// Ready is what --json prints when the demo can be used.
type Ready struct {
	URL          string        `json:"url"`
	CAFile       string        `json:"ca_file"`
	DataDir      string        `json:"data_dir"`
	SampleAppURL string        `json:"sample_app_url"`
	FramedAppURL string        `json:"framed_app_url"`
	InboxURL     string        `json:"inbox_url"`
	PhoneURL     string        `json:"phone_url"`
	Applications []Application `json:"applications"`
	Users        []Person      `json:"users"`
}

// Application is what a client of a sample application's kind is configured with.
type Application struct {
	Name         string `json:"name"`
	Type         string `json:"type"`
	APIHost      string `json:"api_host"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	AKEY         string `json:"akey,omitempty"` // websdk2 only: the application's own key
}

// Run shows the product until ctx ends. It returns nil after an orderly end.
func Run(ctx context.Context, o Options) (err error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	dir, temporary, err := folder(o.DataDir)
	if err != nil {
		return err
	}
	if temporary {
		defer os.RemoveAll(dir) // what is left in a temporary folder harms nobody
	}
	free, err := server.Occupy(config.Default(dir)) // a demo at work there keeps its ports and their file
	if err != nil {
		return err
	}
	p, err := settle(dir, o.Listen, o.Environ)
	if err := errors.Join(err, free()); err != nil {
		return err
	}
	defer p.leave()
	cert, err := tlscert.Local(tlscert.LocalOptions{Dir: filepath.Join(dir, "tls"), Names: tlscert.DemoNames, IPs: tlscert.DemoIPs, Now: o.Now, Log: o.Log})
	if err != nil {
		return err
	}
	st := &stage{place: p, CAFile: cert.CAFile, Inbox: &mail.Inbox{Now: o.Now}, Now: o.Now, Rand: o.Rand, Log: o.Log}
	s, err := server.Open(ctx, p.Config, server.Options{
		Now: o.Now, Rand: o.Rand, Log: o.Log, Sender: server.InboxSender(p.Config.Mail.From, st.Inbox),
		Files: []fs.FS{Files()}, Rooms: st.rooms, Elsewhere: p.aliases(),
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- s.Serve(serving, server.Listen{Listener: p.Pages}, server.Listen{Listener: p.TLS, TLS: cert.Config()})
	}()
	err = st.enrollSamples(serving, s)
	if err == nil {
		err = st.say(ctx, o, temporary)
	}
	if err != nil {
		stop()
		<-done
		if ctx.Err() != nil {
			return nil // stopped while it was getting ready
		}
		return err
	}
	return <-done
}

// say tells that the demo is ready.
func (st *stage) say(ctx context.Context, o Options, temporary bool) error {
	origin := st.place.Config.PublicURL
	ready := Ready{
		URL: origin, CAFile: st.CAFile, DataDir: st.place.Dir, SampleAppURL: origin + "/sample/", FramedAppURL: origin + "/sample/frame/",
		InboxURL: origin + "/demo/inbox", PhoneURL: origin + "/demo/phone",
		Applications: st.apps, Users: st.people(ctx),
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(ready)
	}
	_, err := fmt.Fprintf(o.Out, `countersign demo

  Open      %s
  then      1. open "Virtual phones" in a second tab and choose ana
            2. open the sample application and sign in: ana, password %s
            3. type the number you see into the phone

  Sample application  %s
  In a frame          %s
  Virtual phones      %s
  Inbox               %s
  For clients         api_host %s, CA certificate %s
  Commands            countersign --config %s user list
  Keys, as for SSH    countersign --config %[9]s app show %[10]q --secret

`, ready.URL+"/", password, ready.SampleAppURL, ready.FramedAppURL, ready.PhoneURL, ready.InboxURL, st.app.APIHost, st.CAFile, st.place.ConfigFile, serversName)
	if err != nil {
		return err
	}
	if temporary {
		fmt.Fprintf(o.Out, "  Data is in %s and goes away at the end; keep it with --data DIR.\n", st.place.Dir)
	}
	if host, _, _ := net.SplitHostPort(st.place.Pages.Addr().String()); !loopback(host) {
		fmt.Fprintf(o.Out, "  Careful: others on the network can reach this demo at %s. It is full of known passwords.\n", st.place.Pages.Addr())
	}
	_, err = fmt.Fprintln(o.Out, "  Stop with Ctrl-C.")
	return err
}
