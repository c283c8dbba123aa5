package qr

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// rasterize paints the path of an SVG made by this package, with scale pixels per module.
func rasterize(t *testing.T, svg string, scale int) image.Image {
	t.Helper()
	box := regexp.MustCompile(`viewBox="0 0 (\d+) \d+"`).FindStringSubmatch(svg)
	if box == nil {
		t.Fatal("no viewBox")
	}
	size, _ := strconv.Atoi(box[1])
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		w, _ := strconv.Atoi(m[3])
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+w)*scale; px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	return img
}

func TestACameraReadsBackWhatWasDrawn(t *testing.T) {
	for _, text := range []string{
		"https://mfa.example.edu/a/7Q2MK9XW4TB8C3NR",
		"otpauth://totp/Northfield:ana?secret=JBSWY3DPEHPK3PXP&issuer=Northfield&algorithm=SHA1&digits=6&period=30",
	} {
		svg, err := SVG(text, "code")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "code.png")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, rasterize(t, string(svg), 4)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		out, err := exec.Command("zbarimg", "--quiet", "--raw", name).Output()
		if err != nil {
			t.Fatalf("zbarimg (package zbar-tools): %v", err)
		}
		if got := strings.TrimSpace(string(out)); got != text {
			t.Errorf("read %q, drew %q", got, text)
		}
	}
}

func TestTheLabelIsEscapedAndThePictureIsOnePath(t *testing.T) {
	svg, err := SVG("https://a.example/a/x", `Code for "Ana" <now>`)
	if err != nil {
		t.Fatal(err)
	}
	s := string(svg)
	if strings.Contains(s, "<now>") || !strings.Contains(s, `role="img"`) || strings.Count(s, "<path") != 1 || strings.Contains(s, "style") {
		t.Errorf("unexpected SVG: %.200s", s)
	}
}

func TestTooMuchTextIsAnError(t *testing.T) {
	if _, err := SVG(strings.Repeat("x", 4000), "code"); err == nil {
		t.Error("no error for 4,000 bytes")
	}
}
