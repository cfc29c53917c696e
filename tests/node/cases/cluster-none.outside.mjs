let right = 0;
for (let i = 0; i < 40; i += 1) {
  const answer = await fetch(`http://127.0.0.1:${process.env.LISTEN}/${i}`);
  if ((await answer.text()) === `served /${i}`) right += 1;
}
console.log(right);
