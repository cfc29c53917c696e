node \
--permission \
--allow-fs-read=/app,/etc/ssl/certs \
--allow-fs-write=/tmp \
--allow-net=api.internal:443,redis.internal:6379 \
./dist/server.mjs
