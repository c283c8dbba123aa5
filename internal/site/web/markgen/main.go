// Command markgen paints the product's logo as the PNG files that phones and old browsers need. Run it from
// internal/site/web after a change of the logo: go run ./markgen. It overwrites the files in static.
package main

import (
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"
	"path/filepath"
)

// point is a point on the logo's grid of 64 by 64.
type point struct{ x, y float64 }

// The colors of the logo: its ground and the two strokes.
var (
	ground = color.NRGBA{0x21, 0x53, 0xd2, 0xff}
	first  = color.NRGBA{0x9d, 0xb8, 0xff, 0xff}
	second = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

func main() {
	for _, f := range []struct {
		name   string
		size   int
		radius float64 // of the corners, on the grid; 0 fills the square, and the phone cuts it to its own shape
		scale  float64 // of the strokes; a maskable icon keeps to the inner 80 %
	}{
		{"icon-32.png", 32, 16, 1}, {"icon-192.png", 192, 16, 1}, {"icon-512.png", 512, 16, 1},
		{"icon-maskable-512.png", 512, 0, 0.8}, {"apple-touch-icon.png", 180, 0, 0.9},
	} {
		if err := write(filepath.Join("static", f.name), paint(f.size, f.radius, f.scale)); err != nil {
			log.Fatal(err)
		}
	}
}

func write(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// paint draws the logo, size pixels wide. Edges are smoothed over one pixel, by the distance of the pixel to each shape.
func paint(size int, radius, scale float64) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	unit := 64 / float64(size)
	place := func(x, y float64) point { return point{32 + (x-32)*scale, 32 + (y-32)*scale} }
	a, b, c := place(15, 31), place(27, 45), place(50, 19)
	for py := range size {
		for px := range size {
			p := point{(float64(px) + .5) * unit, (float64(py) + .5) * unit}
			dot := over(color.NRGBA{ground.R, ground.G, ground.B, 0}, ground, cover(square(p, radius), unit))
			dot = over(dot, first, cover(stroke(p, a, b)-3.75*scale, unit))
			dot = over(dot, second, cover(stroke(p, b, c)-3.75*scale, unit))
			img.SetNRGBA(px, py, dot)
		}
	}
	return img
}

// cover returns how much of a pixel is covered, from 0 to 1. distance is to the shape's edge, negative inside; unit is
// the width of a pixel.
func cover(distance, unit float64) float64 { return math.Max(0, math.Min(1, .5-distance/unit)) }

// square returns the distance of p to the edge of the rounded square.
func square(p point, radius float64) float64 {
	if radius == 0 {
		return -1
	}
	qx, qy := math.Abs(p.x-32)-(32-radius), math.Abs(p.y-32)-(32-radius)
	return math.Hypot(math.Max(qx, 0), math.Max(qy, 0)) + math.Min(math.Max(qx, qy), 0) - radius
}

// stroke returns the distance of p to the line from a to b.
func stroke(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := math.Max(0, math.Min(1, ((p.x-a.x)*dx+(p.y-a.y)*dy)/(dx*dx+dy*dy)))
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// over mixes color c with weight k onto dot.
func over(dot, c color.NRGBA, k float64) color.NRGBA {
	mix := func(from, to uint8) uint8 { return uint8(math.Round(float64(from)*(1-k) + float64(to)*k)) }
	return color.NRGBA{mix(dot.R, c.R), mix(dot.G, c.G), mix(dot.B, c.B), mix(dot.A, 255)}
}
