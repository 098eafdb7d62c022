"use strict";
// The same arithmetic as harness/rank.py; tests hold the two together.
const rank = {
  score(factors, weights) {
    let total = 0, sum = 0;
    for (const [name, [low, high]] of Object.entries(factors)) {
      total += weights[name];
      sum += weights[name] * (low + high) / 2;
    }
    return total > 0 ? sum / total : 0;
  },
  at(usd, scales, buyer, knobs, machine = "") {
    if (!scales) return usd;
    const price = knobs.price * (knobs.prices[machine] ?? 1);
    return usd * price * buyer.utilisation / (knobs.utilisation ?? buyer.utilisation);
  },
  annuity(rate, years) {
    return rate === 0 ? years : -Math.expm1(-rate * years) / rate;
  },
  survival(h, years, rate, jumps) {
    let alive = 1, inUse = 0, exits = 0, begun = 0;
    const within = jumps.filter(([t]) => 0 < t && t < years).sort((a, b) => a[0] - b[0]);
    for (const [end, chance] of [...within, [years, 0]]) {
      const stretch = Math.exp(-rate * begun) * rank.annuity(h + rate, end - begun);
      inUse += alive * stretch;
      exits += alive * h * stretch;
      alive *= Math.exp(-h * (end - begun));
      exits += alive * chance * Math.exp(-rate * end);
      alive *= 1 - chance;
      begun = end;
    }
    return [inUse, exits];
  },
  adjusted(one, buyer, knobs) {
    if (one.usd === null) return null;
    const own = rank.at(one.usd, one.scales, buyer, knobs, one.machine);
    const leave = one.leave;
    if (!leave) return own;
    const fallback = rank.at(leave.fallback_usd, leave.fallback_scales, buyer, knobs, one.machine);
    const move = leave.unpriced_usd + rank.at(leave.measured_usd, true, buyer, knobs, one.machine);
    const years = buyer.horizon_years, rate = buyer.discount_rate_per_year;
    const [inUse, exits] = rank.survival(leave.hazard_per_year * knobs.hazard, years, rate, leave.jumps);
    const whole = rank.annuity(rate, years);
    const after = fallback + leave.quality_usd_per_year / buyer.mtok_per_year;
    return (own * inUse + after * (whole - inUse) + move * exits / buyer.mtok_per_year) / whole;
  },
  order(values, cases) {
    const ranked = values.map((value, i) => value !== null && cases[i].done && cases[i].permitted ? value : null);
    const places = new Map();
    ranked.filter(v => v !== null).sort((a, b) => a - b)
      .forEach((value, i) => { if (!places.has(value)) places.set(value, i + 1); });
    return ranked.map(value => value === null ? null : places.get(value));
  },
  front(points) {
    const beats = (other, one) => other.every((v, k) => v <= one[k]) && other.some((v, k) => v < one[k]);
    return points.map(one => !points.some(other => beats(other, one)));
  },
};
