function f(m, metadata) {
  let a = `x${1}`; // =>
  return m ?? /x(?<y>z)/u;
}
