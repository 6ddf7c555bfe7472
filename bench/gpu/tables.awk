# SPDX-License-Identifier: Apache-2.0
# The tables of compare.sh out of pytorch.csv (network, variant, ms, images/s) and hebb.csv (network,
# batch, precision, ms without slices, ms with 8, floor, floor with activations), many rounds of each.
# -v nets="simple A ..." -v rule=urfb
function keep(key, value) { values[key, ++count[key]] = value }
function median(key, n, i, j, v, sorted) {
  n = count[key]
  if (n == 0) return 0
  for (i = 1; i <= n; ++i) {
    v = values[key, i] + 0
    for (j = i - 1; j >= 1 && sorted[j] > v; --j) sorted[j + 1] = sorted[j]
    sorted[j + 1] = v
  }
  return sorted[int((n + 1) / 2)]
}
function over(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
function rate(net, ms) { return ms > 0 ? sprintf("%.0f", 1000 * batch[net] / ms) : "-" }

BEGIN {
  FS = ","
  target["simple"] = 3
  target["A"] = target["B"] = 2
  target["simple_untied"] = target["C_untied"] = 10
  target["resnet20"] = 1.2
}
NF == 4 {
  if (!(($1, $2) in seen)) variants[$1] = variants[$1] " " $2
  seen[$1, $2] = 1
  keep($1 "/" $2, $3)
}
NF == 7 {
  if (!(($1, $3) in seen)) precisions[$1] = precisions[$1] " " $3
  seen[$1, $3] = 1
  batch[$1] = $2
  for (i = 4; i <= 7; ++i) keep($1 "/" $3 "/" i, $i)
}
END {
  n = split(nets, order, " ")
  print "Images/s of training by " toupper(rule) ", each side's best; Hebb's ratios are to PyTorch.\n"
  print "| network | batch | PyTorch | its variant | Hebb, 0 slices | in | ratio | wanted | Hebb, 8 slices | ratio | time 8 / 0 |"
  print "|---|---|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= n; ++i) {
    net = order[i]
    theirs = ours = 0
    best = mine = "-"
    m = split(variants[net], list, " ")
    for (j = 1; j <= m; ++j) {
      ms = median(net "/" list[j])
      if (theirs == 0 || ms < theirs) { theirs = ms; best = list[j] }
    }
    m = split(precisions[net], list, " ")
    for (j = 1; j <= m; ++j) {
      ms = median(net "/" list[j] "/4")
      if (ours == 0 || ms < ours) { ours = ms; mine = list[j] }
    }
    sliced = median(net "/" mine "/5")
    printf "| %s | %s | %s | %s | %s | %s | **%s** | %s | %s | **%s** | %s |\n", net, batch[net],
      rate(net, theirs), best, rate(net, ours), mine, over(theirs, ours), target[net],
      rate(net, sliced), over(theirs, sliced), over(sliced, ours)
  }
  print "\nHebb's steps beside the floor, ms: the floor alone, and with activations that pass through memory"
  print "once in each phase that uses them; share = floor / step without slices.\n"
  print "| network | numbers | 0 slices | 8 slices | 8 / 0 | floor | share | with activations | share |"
  print "|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= n; ++i) {
    net = order[i]
    m = split(precisions[net], list, " ")
    for (j = 1; j <= m; ++j) {
      key = net "/" list[j] "/"
      a = median(key 4); b = median(key 5); floor = median(key 6); moved = median(key 7)
      printf "| %s | %s | %.3f | %.3f | %s | %.3f | %s | %.3f | %s |\n", net, list[j], a, b,
        over(b, a), floor, over(floor, a), moved, over(moved, a)
    }
  }
  print "\nPyTorch's variants, ms a step.\n"
  for (i = 1; i <= n; ++i) {
    net = order[i]
    line = "- " net ":"
    m = split(variants[net], list, " ")
    for (j = 1; j <= m; ++j) {
      line = line sprintf("%s %s %.3f", j > 1 ? "," : "", list[j], median(net "/" list[j]))
    }
    print line
  }
}
