# The app in a container: images mounted read-only, decisions in a volume, a token asked for.
#   docker build -t dedup . && docker run -p 8501:8501 -v PHOTOS:/images:ro -v dedup-home:/home/dedup/data dedup

FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN useradd --create-home --uid 1000 dedup
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl
USER dedup
# Compiled once here, not in every new container; a processor of another kind compiles again.
ENV NUMBA_CACHE_DIR=/home/dedup/compiled
# Nothing that lies in the folder of images is ever run.
ENV PYTHONSAFEPATH=1
RUN python -m dedup.scanning.warmup
# The volumes take the owner and the rights that the folders have here; `--user` may name another user.
RUN mkdir -p /home/dedup/data && chmod -R a+rwX /home/dedup/data /home/dedup/compiled
ENV DEDUP_HOME=/home/dedup/data
ENV STREAMLIT_SERVER_ADDRESS=0.0.0.0
ENV STREAMLIT_SERVER_PORT=8501
VOLUME /home/dedup/data
WORKDIR /home/dedup
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD python -c "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); urllib.request.build_opener(urllib.request.ProxyHandler({})).open('http://127.0.0.1:8501/' + base + ('/' if base else '') + '_stcore/health', timeout=4)"
ENTRYPOINT ["dedup"]
CMD ["app", "--no-browser"]
