const answer = await fetch(`http://127.0.0.1:${process.env.LISTEN}/work`, { headers: { connection: 'close' } });
console.log(await answer.text());
