package bench

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pictures of the figures, written by hand as SVG.

// svg is a picture under way.
type svg struct {
	strings.Builder
	w, h int
}

func newSVG(w, h int, title string) *svg {
	s := &svg{w: w, h: h}
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", w, h)
	fmt.Fprintf(s, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", w, h)
	s.text(10, 20, "start", "#000", title)
	return s
}

func (s *svg) text(x, y float64, anchor, colour, words string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, colour, html.EscapeString(words))
}

func (s *svg) bar(x, y, w, h float64, colour string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, colour)
}

func (s *svg) end() string { return s.String() + "</svg>\n" }

var colours = []string{"#1b4f72", "#2e86c1", "#b9770e", "#7d6608", "#6c3483", "#7b7d7d", "#117a65", "#a93226", "#5d6d7e", "#d68910", "#239b56", "#884ea0", "#34495e"}

// pictures draws all pictures, by file name.
func (r *results) pictures() map[string]string {
	return map[string]string{"rates.svg": r.drawRates(), "curve.svg": r.drawCurve(), "steps.svg": r.drawSteps()}
}

var rateName = regexp.MustCompile(`^post to post in (letters|frames), (\d+) at once$`)

// drawRates draws telegrams a second as bars on a scale of powers of ten, a group for each number at once.
func (r *results) drawRates() string {
	rates, missing := map[int]map[string]float64{}, map[string]string{}
	var names []string
	add := func(n int, name string, v float64) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if rates[n] == nil {
			rates[n] = map[string]float64{}
		}
		rates[n][name] = v
	}
	for _, form := range []string{letters, frames} {
		for _, f := range r.Figures {
			m := rateName.FindStringSubmatch(f.Figure)
			if m == nil || m[1] != form {
				continue
			}
			n, _ := strconv.Atoi(m[2])
			add(n, "Chancery, "+form, f.Value)
			if strings.Contains(f.Peer, "primitives") {
				add(n, "primitives of "+form, f.PeerValue)
			} else if f.Missing != "" {
				missing[f.Peer] = f.Missing
			} else {
				add(n, f.Peer, f.PeerValue)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var sizes []int
	for n := range rates {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	s := newSVG(760, 90+len(sizes)*(len(names)*18+26)+18*len(missing), "telegrams of 2 KiB a second, from release to receipt (each line ten times the one before)")
	x := func(v float64) float64 { return 230 + 110*math.Log10(max(v, 1)) }
	for p := 0; p <= 4; p++ {
		v := math.Pow(10, float64(p))
		s.text(x(v), 40, "middle", "#555", fmt.Sprint(int(v)))
		s.bar(x(v), 46, 0.5, float64(s.h-60), "#ccc")
	}
	y := 64.0
	for _, n := range sizes {
		s.text(10, y, "start", "#000", fmt.Sprintf("%d at once", n))
		y += 8
		for i, name := range names {
			v, ok := rates[n][name]
			if !ok {
				continue
			}
			s.text(222, y+12, "end", "#000", name)
			s.bar(230, y+2, x(v)-230, 13, colours[i%len(colours)])
			s.text(x(v)+4, y+13, "start", "#000", fmt.Sprintf("%.4g", v))
			y += 18
		}
		y += 18
	}
	for name, why := range missing {
		s.text(10, y, "start", "#a93226", name+": not measured: "+why)
		y += 18
	}
	return s.end()
}

// rank has our own bars first.
func rank(name string) int {
	if strings.HasPrefix(name, "Chancery") {
		return 0
	}
	return 1
}

var curveName = regexp.MustCompile(`^(processor|time) for a telegram with (\d+) in the register$`)

// drawCurve draws what a telegram costs over how many there are in the register.
func (r *results) drawCurve() string {
	type point struct{ n, ms float64 }
	lines, most := map[string][]point{}, 0.0
	for _, f := range r.Figures {
		if m := curveName.FindStringSubmatch(f.Figure); m != nil {
			n, _ := strconv.ParseFloat(m[2], 64)
			lines[m[1]] = append(lines[m[1]], point{n, f.Value})
			most = max(most, f.Value)
		}
	}
	s := newSVG(760, 330, "milliseconds for one telegram of 2 KiB, as more are in the register")
	top := max(1, math.Ceil(most))
	x := func(n float64) float64 { return 60 + 200*(math.Log10(n)-3) }
	y := func(ms float64) float64 { return 290 - 240*ms/top }
	for i := range 5 {
		v := top * float64(i) / 4
		s.text(52, y(v)+4, "end", "#555", fmt.Sprintf("%.3g", v))
		s.bar(60, y(v), 620, 0.5, "#ccc")
	}
	for _, n := range []float64{1e3, 1e4, 1e5, 1e6} {
		s.text(x(n), 308, "middle", "#555", fmt.Sprintf("%.0f", n))
	}
	for i, what := range []string{"processor", "time"} {
		var path []string
		for _, p := range lines[what] {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x(p.n), y(p.ms)))
			fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x(p.n), y(p.ms), colours[i*2])
		}
		fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), colours[i*2])
		s.bar(500, 26+float64(i)*16, 12, 12, colours[i*2])
		s.text(518, 36+float64(i)*16, "start", "#000", map[string]string{"processor": "of processor, both posts and broker", "time": "by the clock"}[what])
	}
	return s.end()
}

// drawSteps draws what a telegram's time goes into, a bar for each share.
func (r *results) drawSteps() string {
	var rows []figure
	for _, f := range r.Figures {
		if strings.HasPrefix(f.Figure, costOf) {
			rows = append(rows, f)
		}
	}
	most := 0.0
	for _, f := range rows {
		most = max(most, f.Value)
	}
	s := newSVG(760, 60+20*len(rows)+70, "milliseconds of processor for one telegram, by what is done and by the step of its life")
	y, head := 44.0, ""
	for _, f := range rows {
		of, what, _ := strings.Cut(strings.TrimPrefix(f.Figure, costOf+", "), ": ")
		if of != head {
			head = of
			s.text(10, y+10, "start", "#000", fmt.Sprintf("%s (%.3g ms)", of, f.PeerValue))
			y += 18
		}
		w := 380 * f.Value / most
		s.text(262, y+12, "end", "#000", what)
		s.bar(270, y+2, w, 13, colours[map[bool]int{true: 0, false: 2}[strings.Contains(of, letters)]])
		s.text(274+w, y+13, "start", "#000", fmt.Sprintf("%.3f, %.0f %%", f.Value, 100*f.Ratio))
		y += 18
	}
	return s.end()
}
